"""Terms under which people are given access, shown and agreed to before they hold."""

from collections.abc import Iterator
from pathlib import Path

from controller.access.registrar import Registrar
from controller.access.terms import TermsPlan, plan_terms
from controller.app import open_registrar
from controller.cli_vpn import gateways
from controller.cli_vpn.arguments import act
from controller.load import load
from controller.terminal.output import agree, say
from controller.wording import count, listing


def planned(folder: Path) -> TermsPlan:
    """Return what the intent in a folder would change. Raises IntentError, AccessError."""
    loaded = load(folder)
    with open_registrar() as registrar:
        return plan_terms(registrar, loaded)


def lines(found: TermsPlan) -> Iterator[str]:
    """Yield what a person wants to know before agreeing."""
    yield from found.differences
    if names := found.effect.gaining:
        yield f"{count(len(names), 'person', 'people')} will reach more: {listing(names)}"
    if names := found.effect.losing:
        yield f"{count(len(names), 'person', 'people')} will reach less: {listing(names)}"
    if names := found.stale:
        yield f"people's files no longer lead to {listing(names)}: each needs another file"
    if not found.terms.gateways:
        yield "nobody can dial: there is no gateway"


def as_data(found: TermsPlan) -> dict[str, object]:
    """Return the same as data."""
    return {
        "differences": found.differences,
        "gaining": found.effect.gaining,
        "losing": found.effect.losing,
        "stale": found.stale,
    }


def confirm(found: TermsPlan, *, yes: bool) -> None:
    """Ask whether other terms shall hold, where people lose by them. Raises UsageProblem."""
    if found.effect.losing and not yes:
        agree("people would reach less", "Let this hold?")


def accept(found: TermsPlan, because: str) -> int:
    """Let other terms hold; return how many preshared keys that took."""
    with open_registrar() as registrar:
        return registrar.accept(found.terms, act(because), found.edge_keys)


def dismiss(registrar: Registrar, found: TermsPlan, *, later: bool) -> bool:
    """Have gateways that people do not dial any more let nobody in; return whether all do."""
    names = [gateway.device for gateway in found.leaving]
    if not names or not found.before:
        return True
    if later:
        say(f"{listing(names)} still lets people in, and is not updated by 'sanaga vpn load'")
        return False
    return gateways.dismiss(registrar, found.before, names)
