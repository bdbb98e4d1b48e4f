"""From an intent to the terms under which people are given access, shown before they hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controller.access.registrar import AccessDiff, Registrar
from controller.app import open_registrar
from controller.cli_vpn import gateways
from controller.cli_vpn.arguments import act
from controller.load import Loaded, anchored, load
from controller.store.revoked_keys import refusal
from controller.terminal.output import agree, say
from controller.wording import count, listing
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.grants import expectations
from vpn.model import Gateway
from vpn.people import terms as people_terms
from vpn.people.terms import AccessTerms


@dataclass(frozen=True, slots=True)
class Planned:
    """Other terms, what they change, and for whom."""

    terms: AccessTerms
    differences: tuple[str, ...]
    effect: AccessDiff
    before: AccessTerms | None = None

    @property
    def stale(self) -> tuple[DeviceName, ...]:
        """Return the gateways that files which were handed over do not lead to any more."""
        had = {g.device: (g.endpoint, g.public_key, g.number) for g in self._former}
        return tuple(
            g.device
            for g in self.terms.gateways
            if had.get(g.device, same := (g.endpoint, g.public_key, g.number)) != same
        )

    @property
    def leaving(self) -> tuple[Gateway, ...]:
        """Return the gateways that are none any more."""
        kept = {gateway.device for gateway in self.terms.gateways}
        return tuple(one for one in self._former if one.device not in kept)

    @property
    def _former(self) -> tuple[Gateway, ...]:
        return self.before.gateways if self.before else ()

    def lines(self) -> Iterator[str]:
        """Yield what a person wants to know before agreeing."""
        yield from self.differences
        if names := self.effect.gaining:
            yield f"{count(len(names), 'person', 'people')} will reach more: {listing(names)}"
        if names := self.effect.losing:
            yield f"{count(len(names), 'person', 'people')} will reach less: {listing(names)}"
        if names := self.stale:
            yield f"people's files no longer lead to {listing(names)}: each needs another file"
        if not self.terms.gateways:
            yield "nobody can dial: there is no gateway"

    def as_dict(self) -> dict[str, object]:
        """Return the same as data."""
        return {
            "differences": self.differences,
            "gaining": self.effect.gaining,
            "losing": self.effect.losing,
            "stale": self.stale,
        }


def planned(folder: Path) -> Planned:
    """Return what the intent in a folder would change.

    Raises IntentError, and AccessError when a test of its grants fails.
    """
    loaded = load(folder)
    _check(loaded)
    terms = people_terms.access_terms(anchored(loaded), loaded.access.policy)
    if unpinned := [one.device for one in terms.gateways if not one.public_key]:
        raise AccessError(
            f"no key is pinned for {listing(unpinned)}, so nobody could dial; 'sanaga edge enrol' "
            "there prints the line for edge_keys"
        )
    with open_registrar() as registrar:
        _check_revoked(registrar, terms)
        before, effect = registrar.store.terms(), registrar.diff(terms)
    return Planned(terms, tuple(people_terms.diff(before, terms)), effect, before)


def _check_revoked(registrar: Registrar, terms: AccessTerms) -> None:
    """Raise AccessError when people would dial a gateway by a key that was revoked."""
    found = ((one.device, registrar.store.revoked.find(one.public_key)) for one in terms.gateways)
    if against := [f"{device}: {refusal(gone)}" for device, gone in found if gone]:
        raise AccessError("\n".join(against))


def confirm(found: Planned, *, yes: bool) -> None:
    """Ask whether other terms shall hold, where people lose by them. Raises UsageProblem."""
    if found.effect.losing and not yes:
        agree("people would reach less", "Let this hold?")


def accept(found: Planned, because: str) -> int:
    """Let other terms hold; return how many preshared keys that took."""
    with open_registrar() as registrar:
        return registrar.accept(found.terms, act(because))


def dismiss(registrar: Registrar, found: Planned, *, later: bool) -> bool:
    """Tell gateways that are none any more to let nobody in; return whether all do."""
    names = [gateway.device for gateway in found.leaving]
    if not names or not found.before:
        return True
    if later:
        say(f"{listing(names)} was not told to let nobody in, and is told no more")
        return False
    return gateways.dismiss(registrar, found.before, names)


def _check(loaded: Loaded) -> None:
    policy, intent = loaded.access.policy, loaded.intent
    failed = [
        f"{test.where}: {found.text}: {found.because}"
        for test in loaded.access.tests
        if not (found := expectations.evaluate(test.sentence, policy, intent)).holds
    ]
    if failed:
        raise AccessError(
            "\n".join([f"{count(len(failed), 'test')} of the grants failed:", *failed])
        )
