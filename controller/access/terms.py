"""From an intent to the terms under which people are given access, known before they hold."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.access.registrar import AccessDiff, Registrar
from controller.load import Loaded, anchored
from controller.store.revoked_keys import refusal
from controller.wording import count, listing
from inventory.errors import AccessError
from inventory.model import DeviceName, edge_keys_of
from vpn.grants import expectations
from vpn.key_text import PublicKey
from vpn.model import Gateway
from vpn.people import terms as people_terms
from vpn.people.terms import AccessTerms, terms_plain


@dataclass(frozen=True, slots=True)
class TermsPlan:
    """Other terms, what they change, and for whom; before are the ones that hold, if any.

    edge_keys are those of all edges, which no device of a person may have.
    """

    terms: AccessTerms
    differences: tuple[str, ...]
    effect: AccessDiff
    before: AccessTerms | None = None
    edge_keys: Mapping[PublicKey, DeviceName] = field(default_factory=dict)

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
        """Return the gateways that people do not dial any more."""
        kept = {gateway.device for gateway in self.terms.gateways}
        return tuple(one for one in self._former if one.device not in kept)

    @property
    def digest(self) -> str:
        """Return a digest of the terms and of those that hold, by which a plan is known again."""
        before = terms_plain(self.before) if self.before else None
        text = json.dumps([before, terms_plain(self.terms)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def _former(self) -> tuple[Gateway, ...]:
        return self.before.gateways if self.before else ()


def plan_terms(registrar: Registrar, loaded: Loaded) -> TermsPlan:
    """Return what the groups and gateways of a folder would change.

    Raises AccessError when a test of its grants fails, or people could not dial a gateway.
    """
    if failed := list(_failed_tests(loaded)):
        message = f"{count(len(failed), 'test')} of the grants failed:"
        raise AccessError("\n".join([message, *failed]))
    terms = people_terms.access_terms(anchored(loaded), loaded.access.policy)
    if unpinned := [one.device for one in terms.gateways if not one.public_key]:
        raise AccessError(
            f"no key is pinned for {listing(unpinned)}, so nobody could dial; 'sanaga edge enrol' "
            "there prints the line for edge_keys"
        )
    _refuse_revoked(registrar, terms)
    _refuse_mixed_up(registrar, loaded)
    before, effect = registrar.store.terms(), registrar.diff(terms)
    differences = tuple(people_terms.diff_terms(before, terms))
    return TermsPlan(terms, differences, effect, before, edge_keys_of(loaded.intent))


def _refuse_revoked(registrar: Registrar, terms: AccessTerms) -> None:
    """Raise AccessError when people would dial a gateway by a key that was revoked."""
    found = ((one.device, registrar.store.revoked.find(one.public_key)) for one in terms.gateways)
    if against := [f"{device}: {refusal(gone)}" for device, gone in found if gone]:
        raise AccessError("\n".join(against))


def _refuse_mixed_up(registrar: Registrar, loaded: Loaded) -> None:
    """Raise AccessError when a key is that of two: of edges, gateways or people's devices."""
    known = edge_keys_of(loaded.intent)
    gateways = {one.public_key: one.device for one in loaded.access.policy.gateways}
    against = [
        f"{one.device}: people would dial it by the key of the edge {known[one.public_key]}; make "
        "another pair on the gateway"
        for one in loaded.access.policy.gateways
        if known.get(one.public_key, one.device) != one.device
    ]
    if against:
        raise AccessError("\n".join(against))
    owners = (registrar.store.owner(key) for key in known | gateways)
    if any(owner and not owner.revoked for owner in owners):
        registrar.store.site_keys.remember(known | gateways)


def _failed_tests(loaded: Loaded) -> Iterator[str]:
    """Yield the tests of the grants that fail, with the reason."""
    policy, intent = loaded.access.policy, loaded.intent
    for test in loaded.access.tests:
        found = expectations.evaluate_access_test(test.sentence, policy, intent)
        if not found.holds:
            yield f"{test.where}: {found.text}: {found.because}"
