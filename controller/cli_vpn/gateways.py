"""Telling gateways what was done: at once where they are reached, and later where they are not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from controller.terminal.output import Exit, say
from controller.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from controller.access.registrar import Registrar
    from controller.store.roster_loads import RosterStatus
    from inventory.errors import SanagaError
    from inventory.model import DeviceName
    from vpn.model import PersonDevice
    from vpn.people.terms import AccessTerms

LaterOption: TypeAlias = Annotated[
    bool, typer.Option("--later", help="Tell no gateway now; 'sanaga vpn load' does.")
]

STATUS: Final = {
    "gateway": "GATEWAY",
    "reached": "REACHED",
    "told": "LAST TOLD",
    "behind": "ENTRIES BEHIND",
    "devices": "DEVICES",
    "there": "THERE NOW",
    "octets": "SENT, RECEIVED",
}


def tell(
    registrar: "Registrar", *, later: bool = False, gone: "Sequence[PersonDevice]" = ()
) -> None:
    """Tell every gateway of an open desk what it has to know, and the person how that went.

    gone are devices that have no access any more: which consultations this cuts is said. Raises
    typer.Exit when a gateway does not know it.
    """
    if not registrar.accepted().gateways:
        say("there is no gateway, so nobody can dial and none is told")
        return
    terms = registrar.terms()
    reached = [gateway.device for gateway in terms.gateways if gateway.device in terms.doors]
    by_hand = [gateway.device for gateway in terms.gateways if gateway.device not in terms.doors]
    if later:
        say("no gateway was told; 'sanaga vpn load' does")
        return
    failed = load(registrar, reached, gone) if reached else []
    if by_hand:
        say(
            f"{listing(by_hand)} without a management address: load by hand, with 'sanaga vpn site "
            "export'"
        )
    if failed:
        raise typer.Exit(Exit.DIFFERS)


def dismiss(registrar: "Registrar", former: "AccessTerms", names: "Sequence[DeviceName]") -> bool:
    """Have gateways of former terms let nobody in any more; return whether all do."""
    from controller.access.gateways import Gateways, RosterPushed
    from controller.environment import state_dir

    done = True
    reached = [name for name in names if name in former.doors]
    gateways = Gateways(registrar, state_dir(), terms=former)
    for name, outcome in gateways.clear(reached) if reached else ():
        if isinstance(outcome, RosterPushed):
            say(f"{name} lets nobody in any more")
        else:
            done = False
            say(
                f"{outcome}\n{name} {_goes_by(registrar, name)}; to try again, put it back into "
                "gateways, run 'sanaga vpn apply', and take it out once more"
            )
    if by_hand := [name for name in names if name not in reached]:
        say(f"{listing(by_hand)} without a management address: take its people away by hand")
    return done


def load(
    registrar: "Registrar",
    names: "Sequence[DeviceName]",
    gone: "Sequence[PersonDevice]" = (),
    said: "dict[DeviceName, str] | None" = None,
) -> "list[DeviceName]":
    """Load gateways, say how each of them went, and return which were not loaded.

    said is what was said of gateways before, which is not said again.
    """
    from controller.access.gateways import Gateways, RosterPushed
    from controller.environment import state_dir

    said = {} if said is None else said

    failed: list[DeviceName] = []
    cut: list[PersonDevice] = []
    for name, outcome in Gateways(registrar, state_dir()).push_rosters(names, there=bool(gone)):
        if isinstance(outcome, RosterPushed):
            say(f"{name} lets in {count(outcome.devices, 'device')}")
            cut += in_consultation(registrar, gone, {name: outcome.calling})
        else:
            failed.append(name)
            if said.get(name) != str(outcome):
                said[name] = str(outcome)
                say(_failure(registrar, name, outcome))
    if cut:
        say(f"this cut {count(len(cut), 'running consultation')}: {_devices(cut)}")
    return failed


def _failure(registrar: "Registrar", name: "DeviceName", outcome: "SanagaError") -> str:
    from inventory.errors import HostKeyError

    # What is pinned in the intent is used here once it was accepted.
    pinned = isinstance(outcome, HostKeyError)
    then = "'sanaga vpn apply' after that" if pinned else "'sanaga vpn load' tries again"
    return f"{outcome}\n{name} {_goes_by(registrar, name)}; {then}"


def in_consultation(
    registrar: "Registrar",
    devices: "Iterable[PersonDevice]",
    calling: "Mapping[DeviceName, Sequence[str]]",
) -> "list[PersonDevice]":
    """Return the devices that are in a consultation, by what gateways say of addresses."""
    from vpn.people import device_config

    terms = registrar.terms()
    found = {(name, address) for name, said in calling.items() for address in said}
    return [
        device
        for device in devices
        for gateway in terms.gateways
        if gateway.device in calling
        and any(
            (gateway.device, str(address)) in found
            for address in device_config.addresses(terms.plan, device, gateway)
        )
    ]


@dataclass(frozen=True, slots=True)
class InterruptedCalls:
    """Which devices are in a consultation that ends with their access, as far as gateways say."""

    devices: "tuple[PersonDevice, ...]" = ()
    silent: "tuple[DeviceName, ...]" = ()

    def __str__(self) -> str:
        """Return it as a sentence; nothing when nothing is cut."""
        cut, parts = self.devices, list[str]()
        if cut:
            parts.append(f"this cuts {count(len(cut), 'running consultation')}: {_devices(cut)}")
        if self.silent:
            parts.append(f"{listing(self.silent)} did not say who is in a consultation")
        return "; ".join(parts)


def cutting(registrar: "Registrar", devices: "Sequence[PersonDevice]") -> InterruptedCalls:
    """Return which running consultations end with some devices' access."""
    from controller.access.gateways import Gateways
    from controller.environment import state_dir

    terms = registrar.accepted()
    doors = [gateway.device for gateway in terms.gateways if gateway.device in terms.doors]
    if not doors or not devices:
        return InterruptedCalls()
    said = dict(Gateways(registrar, state_dir()).status(doors))
    calling = {n: one.get("calling", ()) for n, one in said.items() if isinstance(one, dict)}
    return InterruptedCalls(
        tuple(in_consultation(registrar, devices, calling)),
        tuple(name for name in doors if name not in calling),
    )


def _devices(devices: "Sequence[PersonDevice]") -> str:
    return listing([f"{device.person}'s {device.name}" for device in devices])


def persist(
    registrar: "Registrar", names: "list[DeviceName]", patience_s: float
) -> "list[DeviceName]":
    """Load gateways, again and again those that were not reached, and return which are left."""
    from controller.clock import SystemClock, persisted

    said = dict[str, str]()

    def tried(todo: "Sequence[DeviceName]") -> "list[tuple[DeviceName, bool]]":
        failed = load(registrar, todo, said=said)
        return [(name, name not in failed) for name in todo]

    _, left = persisted(
        names,
        tried,
        lambda _, loaded: loaded,
        within_s=patience_s,
        clock=SystemClock(),
    )
    return list(left)


def status(registrar: "Registrar") -> "list[dict[str, object]]":
    """Return how it stands with every gateway, by what it says itself where it is reached."""
    from controller.access.gateways import Gateways
    from controller.environment import state_dir

    terms, known, last = registrar.terms(), registrar.store.loads.all(), registrar.store.last()
    doors = [gateway.device for gateway in terms.gateways if gateway.device in terms.doors]
    said = dict(Gateways(registrar, state_dir()).status(doors)) if doors else {}
    return [
        _row(gateway.device, said.get(gateway.device), known.get(gateway.device), last)
        for gateway in terms.gateways
    ]


def _row(
    name: str,
    said: "Mapping[str, Any] | SanagaError | None",
    known: "RosterStatus | None",
    last: int,
) -> dict[str, object]:
    told = said if isinstance(said, dict) else None
    state = told["state"] if told else known.state if known else 0
    sessions = (told.get("sessions") if told else None) or {}
    return {
        "gateway": name,
        "reached": told is not None,
        "told": known.at if known else None,
        "behind": last - int(state),
        "devices": told["devices"] if told else known.devices if known else 0,
        "there": sessions.get("alive"),
        "octets": [sessions[key] for key in ("sent_octets", "received_octets")]
        if sessions
        else None,
        "fault": (told["refused"] if told else str(said or "no management address")) or None,
    }


def _goes_by(registrar: "Registrar", name: "DeviceName") -> str:
    known = registrar.store.loads.all().get(name)
    if known is None or known.at is None:
        return "was never told anything"
    missing = registrar.store.last() - known.state
    behind = count(missing, "entry", "entries")
    return f"goes on by what it was told on {known.at}, {behind} of the trail ago"
