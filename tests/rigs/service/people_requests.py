"""People of the VPN, of whom the requests of the matrix are about, in the north."""

from contextlib import closing
from typing import Any, Final

from controller.access.pending import pending_plain, seal_pending
from controller.clock import SystemClock
from controller.environment import state_dir
from controller.keys.psk_sealing import PskVault
from tests.rigs.people.people_rig import ACT, TERMS, make_registrar, nowhere
from vpn.model import Person as VpnPerson
from vpn.wireguard import keys

NEWCOMER: Final = "newcomer"


def a_nurse(name: str) -> dict[str, str]:
    """Return a nurse in the north."""
    return {"name": name, "title": "Nurse", "role": "nurse", "site": "mora"}


def newest_nurse() -> str:
    """Return who was made last by a_person()."""
    with closing(make_registrar(state_dir(), terms=None)) as registrar:
        return f"nurse-{len(registrar.store.entries()) - 1}"


def newcomer(world: object) -> str:
    """Return the name of somebody of whom nothing is on record, while terms hold."""
    a_person(world)
    return NEWCOMER


def nurse_key(_world: object, _person: object) -> Any:
    """Return the question whose key the newest nurse's is."""
    with closing(make_registrar(state_dir(), terms=None)) as registrar:
        (device,) = registrar.store.entry(newest_nurse()).in_use
    return {"sought": device.public_key}


def nurse_renamed(_world: object, _person: object) -> Any:
    """Return another title for the newest nurse."""
    return {"person": {**a_nurse(newest_nurse()), "title": "Head nurse"}, "because": "test"}


def a_written_file(_world: object, person: Any) -> Any:
    """Return what lets another key of the newest nurse's device count."""
    with closing(make_registrar(state_dir(), terms=None)) as registrar:
        pending = registrar.prepare_rotation(newest_nurse(), None, new_key())
    by = f"{person.by.account.id} {person.by.account.name}"
    now = SystemClock().instant()
    sealed = seal_pending(PskVault(state_dir()), pending_plain(pending), by, now)
    return {"pending": sealed, "because": "test"}


def new_key() -> str:
    """Return a public key that nobody has."""
    return keys.public_of(keys.generate_private())


def a_person(_world: object) -> str:
    """Return the name of somebody in the north with a device, another one every time."""
    registrar = make_registrar(state_dir(), terms=None)
    with closing(registrar):
        if registrar.store.terms() is None:
            registrar.accept(TERMS, ACT)
        name = f"nurse-{len(registrar.store.entries())}"
        nurse = VpnPerson(name, "Nurse", "nurse", "mora")
        registrar.add(nurse, "tablet", ACT, nowhere)
    return name
