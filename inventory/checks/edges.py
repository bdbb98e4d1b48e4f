"""Edges stand where tunnels can begin: one at a site, on Linux, behind routers or providers."""

from collections.abc import Iterator
from typing import Final

from inventory.documents.edge_keys import EdgeKeys
from inventory.documents.partial import CircuitDraft, DeviceDraft, PartialDocuments, seen_at
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import Platform, Role
from inventory.names import nearest_names

_ENDS: Final = ("a", "b")


def check_edge_platforms(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every edge that does not run Linux, which its daemon needs."""
    for device in _edges(drafts):
        written = device.entry.text("platform")
        if written in set(Platform) and written != Platform.LINUX:
            what = f"an edge on {quoted(written or '')}"
            hint = "write 'platform: linux', or 'role: router'"
            yield Fault(device.entry.where("platform"), what, hint)


def one_per_site(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every second edge of a site: its LANs have one gateway."""
    seen: dict[str, Location] = {}
    for device in _edges(drafts):
        if device.site is None:
            continue
        where = device.entry.where("site")
        if device.site in seen:
            what = f"{quoted(device.site)} has two edges"
            hint = f"keep one, which its LANs have as gateway; {seen_at(seen[device.site])}"
            yield Fault(where, what, hint)
        seen.setdefault(device.site, where)


def check_edge_circuits(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every circuit of an edge that leads neither to a router nor a provider."""
    for circuit in drafts.circuits:
        ends = [(end, _device(drafts, circuit, end)) for end in _ENDS]
        for (_, near), (end, far) in (ends, ends[::-1]):
            if near and far and near.role is Role.EDGE and _is_no_router(far):
                what = f"a circuit of the edge {quoted(near.name or '')} ends on {_told(far)}"
                hint = "let it end on a router, or name a provider instead"
                yield Fault(circuit.entry.where(end, "device"), what, hint)
                break


def check_edge_interfaces(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every interface of an edge whose name Linux cannot have."""
    for circuit in drafts.circuits:
        for end in _ENDS:
            device, written = _device(drafts, circuit, end), circuit.entry.text(end, "interface")
            if device and device.role is Role.EDGE and written and "/" in written:
                what = f"interface {quoted(written)} of the edge {quoted(device.name or '')}"
                hint = "no interface of Linux has a '/' in its name; write it as 'ip link' does"
                yield Fault(circuit.entry.where(end, "interface"), what, hint)


def check_unknown_edge_keys(keys: EdgeKeys, drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every pinned key of a device that is no edge."""
    known = {device.name: device for device in _edges(drafts) if device.name}
    for name, where in keys.places.items():
        if name in known or drafts.documents.may_declare(name):
            continue
        near = nearest_names(name, known)
        hint = f"did you mean '{near}'?" if near else "remove the line, or declare the edge"
        yield Fault(where, f"no edge is called {quoted(name)}", hint)


def _edges(drafts: PartialDocuments) -> Iterator[DeviceDraft]:
    return (device for device in drafts.devices if device.role is Role.EDGE)


def _device(drafts: PartialDocuments, circuit: CircuitDraft, end: str) -> DeviceDraft | None:
    return drafts.device_by_name.get(circuit.entry.text(end, "device") or "")


def _is_no_router(device: DeviceDraft) -> bool:
    return device.role is not None and device.role is not Role.ROUTER


def _told(device: DeviceDraft) -> str:
    return f"the {device.role} {quoted(device.name or '')}"
