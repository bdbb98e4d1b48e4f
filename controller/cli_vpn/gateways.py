"""Pushing rosters to gateways, what they say of themselves, and sessions, in words and tables."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from controller.terminal.output import Exit, say, say_lines
from controller.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controller.access.gateways import Gateways, InterruptedCalls, Outcome
    from controller.access.registrar import Registrar
    from controller.telemetry.sessions import Traffic
    from inventory.errors import SanagaError
    from inventory.model import DeviceName
    from vpn.model import PersonDevice
    from vpn.people.terms import AccessTerms

Row: TypeAlias = dict[str, object]

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
PEOPLE: Final = {
    "person": "PERSON",
    "device": "DEVICE",
    "gateway": "GATEWAY",
    "from": "FROM",
    "handshake_age_s": "HANDSHAKE, S AGO",
    "octets": "SENT, RECEIVED",
    "consultation": "CALL",
}
SITES: Final = {
    "edge": "EDGE",
    "peer": "PEER",
    "path": "PATH",
    "state": "STATE",
    "handshake_age_s": "HANDSHAKE, S AGO",
    "octets": "SENT, RECEIVED",
    "carries": "CARRIES",
    "consultation": "CALL",
}


def tell(
    registrar: "Registrar", *, later: bool = False, gone: "Sequence[PersonDevice]" = ()
) -> None:
    """Push the rosters of an open register to all gateways, and say how that went.

    gone are devices that have no access any more: which consultations this cuts is said. Raises
    typer.Exit when a gateway does not have its roster.
    """
    from controller.access.gateways import reachable

    if not registrar.accepted().gateways:
        say("there is no gateway, so nobody can dial")
        return
    reached, by_hand = reachable(registrar.terms())
    if later:
        say("gateways not updated; run 'sanaga vpn load'")
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
    from controller.access.gateways import RosterPushed

    done = True
    reached = [name for name in names if name in former.doors]
    for name, outcome in _gateways(registrar, former).clear(reached) if reached else ():
        if isinstance(outcome, RosterPushed):
            say(f"{name} lets nobody in any more")
        else:
            done = False
            say(
                f"{outcome}\n{name} {_uses(registrar, name)}; to try again, put it back into "
                "gateways, run 'sanaga vpn apply', and take it out once more"
            )
    if by_hand := [name for name in names if name not in reached]:
        say(f"{listing(by_hand)} without a management address: take its people away by hand")
    return done


def load(
    registrar: "Registrar", names: "Sequence[DeviceName]", gone: "Sequence[PersonDevice]" = ()
) -> "list[DeviceName]":
    """Push rosters, say of each gateway how that went, and return those that failed."""
    from controller.access.gateways import RosterPushed, in_consultation

    failed: list[DeviceName] = []
    cut: list[PersonDevice] = []
    for name, outcome in _gateways(registrar).push_rosters(names, there=bool(gone)):
        say(_outcome(registrar, name, outcome))
        if isinstance(outcome, RosterPushed):
            cut += in_consultation(registrar, gone, {name: outcome.calling})
        else:
            failed.append(name)
    if cut:
        say(f"this cut {count(len(cut), 'running consultation')}: {_devices(cut)}")
    return failed


def persist(
    registrar: "Registrar", names: "Sequence[DeviceName]", patience_s: float
) -> "tuple[DeviceName, ...]":
    """Push rosters, again to gateways that were not reached, and return which are left.

    What is said of a gateway is not said again.
    """
    from controller.clock import SystemClock

    said = dict[str, str]()

    def report(name: "DeviceName", outcome: "Outcome") -> None:
        if said.get(name) != str(outcome):
            said[name] = str(outcome)
            say(_outcome(registrar, name, outcome))

    return _gateways(registrar).push_until(names, report, within_s=patience_s, clock=SystemClock())


def _outcome(registrar: "Registrar", name: "DeviceName", outcome: "Outcome") -> str:
    from controller.access.gateways import RosterPushed

    if isinstance(outcome, RosterPushed):
        left_out = f", but not {_devices(outcome.left_out)}, with its own key"
        others = f"{left_out}; 'sanaga vpn person rotate' gives another" if outcome.left_out else ""
        return f"{name} lets in {count(outcome.devices, 'device')}{others}"
    return _failure(registrar, name, outcome)


def _failure(registrar: "Registrar", name: "DeviceName", outcome: "SanagaError") -> str:
    from inventory.errors import HostKeyError

    # What is pinned in the intent is used here once it was accepted.
    pinned = isinstance(outcome, HostKeyError)
    then = "'sanaga vpn apply' after that" if pinned else "'sanaga vpn load' tries again"
    return f"{outcome}\n{name} {_uses(registrar, name)}; {then}"


def _uses(registrar: "Registrar", name: "DeviceName") -> str:
    """Return which roster a gateway uses, after its name."""
    from controller.access.gateways import roster_lag

    lag = roster_lag(registrar, name)
    if lag.at is None:
        return "never had a roster"
    return f"still uses the roster of {lag.at}, {count(lag.behind, 'change')} behind"


def cutting(registrar: "Registrar", devices: "Sequence[PersonDevice]") -> "InterruptedCalls":
    """Return which running consultations end with some devices' access."""
    from controller.access.gateways import interrupted_calls

    return interrupted_calls(registrar, _gateways(registrar), devices)


def interruption(calls: "InterruptedCalls") -> str:
    """Return interrupted calls as a sentence; nothing when nothing is cut."""
    cut, parts = calls.devices, list[str]()
    if cut:
        parts.append(f"this cuts {count(len(cut), 'running consultation')}: {_devices(cut)}")
    if calls.silent:
        parts.append(f"{listing(calls.silent)} did not say who is in a consultation")
    return "; ".join(parts)


def _devices(devices: "Iterable[PersonDevice]") -> str:
    return listing([f"{device.person}'s {device.name}" for device in devices])


def status(registrar: "Registrar") -> list[Row]:
    """Return how it stands with every gateway, as rows."""
    from controller.access.gateways import gateway_status

    return [asdict(one) for one in gateway_status(registrar, _gateways(registrar))]


def of_people(registrar: "Registrar") -> list[Row]:
    """Return the sessions of people as rows, and say which gateways are silent."""
    from controller.telemetry.sessions import people_sessions

    found = people_sessions(registrar, _gateways(registrar))
    say_lines(found.faults)
    return [
        {
            "person": one.person,
            "device": one.device,
            "gateway": one.gateway,
            "from": one.endpoint,
            **_traffic(one.traffic),
            "consultation": one.consultation,
        }
        for one in found.sessions
    ]


def of_sites(folder: Path) -> list[Row]:
    """Return the sessions of edges as rows, and say which edges are silent."""
    from controller.drivers.connect import edge_connector
    from controller.environment import state_dir
    from controller.load import load as read
    from controller.telemetry.sessions import site_sessions

    loaded = read(folder)
    found = site_sessions(loaded, edge_connector(loaded, state_dir()))
    say_lines(found.faults)
    return [
        {
            "edge": one.edge,
            "peer": one.peer,
            "path": one.path,
            "state": one.state,
            **_traffic(one.traffic),
            "carries": one.carries,
            "consultation": one.consultation,
        }
        for one in found.sessions
    ]


def _traffic(one: "Traffic") -> Row:
    return {"handshake_age_s": one.handshake_age_s, "octets": one.octets}


def _gateways(registrar: "Registrar", terms: "AccessTerms | None" = None) -> "Gateways":
    from controller.access.gateways import Gateways
    from controller.environment import state_dir

    return Gateways(registrar, state_dir(), terms=terms)
