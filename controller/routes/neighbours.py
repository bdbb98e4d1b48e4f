"""Route of a device's neighbours, as it heard them by LLDP."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from controller.api.context import Viewer, viewer
from controller.api.instants import rfc3339
from controller.api.rights import needs
from controller.polling.lldp import Neighbour, identity_text
from controller.roles import Right
from controller.routes.network import read_device
from inventory.model import CircuitEnd, DeviceName

router: Final = APIRouter()
Reader = Annotated[Viewer, Depends(viewer, scope="function")]


@router.get("/devices/{name}/neighbours", openapi_extra=needs(Right.LOOK))
def read_neighbours(name: str, reader: Reader) -> dict[str, Any]:
    """Return who answers at a device's interfaces; heard_at is null where nobody asked it.

    Names are what neighbours call themselves. What is outside of one's scope has none.
    """
    read_device(name, reader)
    reading = reader.context.neighbours(name)
    return {
        "device": name,
        "heard_at": rfc3339(reading.at_s) if reading else None,
        "neighbours": [
            _shown(one, hidden=_is_hidden(name, one, reader))
            for one in (reading.neighbours if reading else ())
        ],
    }


def _shown(one: Neighbour, *, hidden: bool) -> dict[str, str]:
    told = ("", "", "") if hidden else (one.name, _port(one), identity_text(one.chassis))
    return {"interface": one.interface, **dict(zip(("name", "port", "chassis"), told, strict=True))}


def _port(one: Neighbour) -> str:
    return one.port_name or identity_text(one.port)


def _is_hidden(device: DeviceName, one: Neighbour, reader: Viewer) -> bool:
    """Return whether a neighbour, or who should be there, is a device out of the reader's sight."""
    meant = [far.device for far in _far_ends(CircuitEnd(device, one.interface), reader)]
    known = reader.context.intent.devices
    named = [known[name] for name in (*meant, one.name) if name in known]
    return any(found.site not in reader.sites for found in named)


def _far_ends(here: CircuitEnd, reader: Viewer) -> Iterable[CircuitEnd]:
    for circuit in reader.context.intent.circuits.values():
        ends = [end for end in (circuit.a, circuit.b) if end]
        if here in ends:
            yield from (end for end in ends if end != here)
