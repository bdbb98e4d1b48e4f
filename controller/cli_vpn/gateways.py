"""Pushing rosters to gateways, what they say of themselves, and sessions, in words and tables."""

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from controller.terminal.output import Exit, say
from controller.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controller.access.gateways import InterruptedCalls
    from controller.vpn_control.model import GatewayAccess
    from controller.vpn_events import RosterOutcome
    from inventory.model import DeviceName
    from vpn.model import PersonDevice

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
    access: "GatewayAccess",
    *,
    later: bool = False,
    gone: "Sequence[PersonDevice]" = (),
    updated: set[str] | None = None,
) -> None:
    """Push the record to all gateways, and say how that went.

    gone are devices that have no access any more: which consultations this cuts is said. updated
    takes the gateways that have their roster. Raises typer.Exit when one has it not.
    """
    dialling = access.dialling()
    if not dialling.gateways:
        say("there is no gateway, so nobody can dial")
        return
    if later:
        say("gateways not updated; run 'sanaga vpn load'")
        return
    left = load(access, dialling.reached, gone=gone) if dialling.reached else ()
    if updated is not None:
        updated.update(set(dialling.reached) - set(left))
    if dialling.by_hand:
        say(
            f"{listing(dialling.by_hand)} without a management address: load by hand, with "
            "'sanaga vpn site export'"
        )
    if left:
        raise typer.Exit(Exit.DIFFERS)


def load(
    access: "GatewayAccess",
    names: "Sequence[DeviceName]",
    *,
    gone: "Sequence[PersonDevice]" = (),
    within_s: float = 0.0,
) -> "Sequence[DeviceName]":
    """Push rosters, say of each gateway how that went, and return those that are left.

    Gateways that are not reached are tried again for a time; what is said is not said again.
    """
    from controller.access.rosters import RosterWish

    said, cut = dict[str, str](), list[str]()

    def report(one: "RosterOutcome") -> None:
        cut.extend(one.cut)
        if said.get(one.gateway) != (told := outcome(one)):
            said[one.gateway] = told
            say(told)

    left = access.push(RosterWish(tuple(names), tuple(gone), within_s), report)
    if cut:
        say(f"this cut {count(len(cut), 'running consultation')}: {listing(cut)}")
    return left


def outcome(one: "RosterOutcome") -> str:
    """Return what became of a gateway, in words."""
    if one.fault:
        return f"{one.fault}\n{one.gateway} {_uses(one)}; {_then(one)}"
    if one.cleared:
        return f"{one.gateway} lets nobody in any more"
    left_out = f", but not {listing(one.left_out)}, with its own key" if one.left_out else ""
    others = f"{left_out}; 'sanaga vpn person rotate' gives another" if left_out else ""
    return f"{one.gateway} lets in {count(one.devices or 0, 'device')}{others}"


def _then(one: "RosterOutcome") -> str:
    if one.cleared:
        return (
            "to try again, put it back into gateways, run 'sanaga vpn apply', and take it out once "
            "more"
        )
    # What is pinned in the intent is used here once it was accepted.
    return "'sanaga vpn apply' after that" if one.unpinned else "'sanaga vpn load' tries again"


def _uses(one: "RosterOutcome") -> str:
    """Return which roster a gateway uses, after its name."""
    if one.at is None:
        return "never had a roster"
    return f"still uses the roster of {one.at}, {count(one.behind, 'change')} behind"


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
