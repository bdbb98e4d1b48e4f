"""Terms under which people are given access, shown and agreed to before they hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli_vpn import gateways
from controller.cli_vpn.arguments import act
from controller.terminal.output import agree, say
from controller.vpn_events import RosterOutcome, TermsAccepted
from controller.wording import count, listing

if TYPE_CHECKING:
    from controller.vpn_control.terms import TermsAccess, TermsShown


def lines(found: "TermsShown") -> Iterator[str]:
    """Yield what a person wants to know before agreeing."""
    yield from found.differences
    if names := found.gaining:
        yield f"{count(len(names), 'person', 'people')} will reach more: {listing(names)}"
    if names := found.losing:
        yield f"{count(len(names), 'person', 'people')} will reach less: {listing(names)}"
    if names := found.stale:
        yield f"people's files no longer lead to {listing(names)}: each needs another file"
    if not found.dialled:
        yield "nobody can dial: there is no gateway"


def as_data(found: "TermsShown") -> dict[str, object]:
    """Return the same as data."""
    return {
        "differences": found.differences,
        "gaining": found.gaining,
        "losing": found.losing,
        "stale": found.stale,
    }


def confirm(found: "TermsShown", *, yes: bool) -> None:
    """Ask whether other terms shall hold, where people lose by them. Raises UsageProblem."""
    if found.losing and not yes:
        agree("people would reach less", "Let this hold?")


def accept(
    access: "TermsAccess", folder: Path, found: "TermsShown", because: str, *, later: bool
) -> bool:
    """Let other terms hold, and have former gateways let nobody in; return whether all do."""
    from controller.vpn_control.terms import TermsWish

    failed = list[str]()

    def report(event: RosterOutcome | TermsAccepted) -> None:
        if isinstance(event, TermsAccepted):
            say(f"accepted; {count(event.sealed, 'preshared key')} made for devices in use")
            return
        say(gateways.outcome(event))
        failed.extend([event.gateway] if event.fault else [])

    access.accept(folder, TermsWish(found.digest, later), act(because), report)
    if found.leaving and later:
        say(
            f"{listing(found.leaving)} still lets people in, and is not updated by 'sanaga vpn "
            "load'"
        )
        return False
    if found.by_hand:
        say(f"{listing(found.by_hand)} without a management address: take its people away by hand")
    return not failed
