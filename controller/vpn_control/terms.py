"""Terms under which people are given access: what other ones change, and letting them hold."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from controller.access.gateways import Gateways
from controller.access.registrar import Registrar
from controller.access.rosters import clear_gateways
from controller.access.terms import TermsPlan, plan_terms
from controller.load import load
from controller.store.audit import Actor
from controller.vpn_events import RosterOutcome, TermsAccepted
from inventory.errors import AccessError
from inventory.model import DeviceName
from vpn.model import PersonName

Report: TypeAlias = Callable[[RosterOutcome | TermsAccepted], None]


@dataclass(frozen=True, slots=True)
class TermsShown:
    """What other terms change, for whom, and a digest by which this is known again.

    leaving are gateways that people do not dial any more, by_hand those of them without a
    management address; dialled says whether there is any gateway.
    """

    differences: tuple[str, ...]
    gaining: tuple[PersonName, ...]
    losing: tuple[PersonName, ...]
    stale: tuple[DeviceName, ...]
    leaving: tuple[DeviceName, ...]
    by_hand: tuple[DeviceName, ...]
    dialled: bool
    digest: str


@dataclass(frozen=True, slots=True)
class TermsWish:
    """Terms that are to hold, by the digest of what was shown; with later nobody is told now."""

    digest: str
    later: bool


class TermsAccess(Protocol):
    """The terms that hold, and those of a folder."""

    def plan(self, folder: Path) -> TermsShown:
        """Return what a folder would change. Raises IntentError, AccessError."""

    def accept(self, folder: Path, wish: TermsWish, act: Actor, report: Report) -> None:
        """Let the terms of a folder hold, and have former gateways let nobody in any more.

        Raises AccessError when they are not the ones that were shown.
        """


@dataclass(frozen=True, slots=True)
class TermsHere:
    """The terms of a register that is open; what was planned for a folder is kept for it."""

    registrar: Registrar
    state_dir: Path
    _planned: dict[Path, TermsPlan] = field(default_factory=dict)

    def plan(self, folder: Path) -> TermsShown:
        """Return what a folder would change."""
        self._planned[folder] = plan_terms(self.registrar, load(folder))
        return _shown(self._planned[folder])

    def accept(self, folder: Path, wish: TermsWish, act: Actor, report: Report) -> None:
        """Let the terms of a folder hold, and have former gateways let nobody in any more."""
        if folder not in self._planned:
            self.plan(folder)
        found = self._planned[folder]
        if found.digest != wish.digest or found.before != self.registrar.store.terms():
            raise AccessError("the terms are not those that you saw any more; say this again")
        sealed = self.registrar.accept(found.terms, act, found.edge_keys)
        report(TermsAccepted(sealed))
        shown = _shown(found)
        names = [name for name in shown.leaving if name not in shown.by_hand]
        if found.before and names and not wish.later:
            former = Gateways(self.registrar, self.state_dir, terms=found.before)
            clear_gateways(self.registrar, former, names, report)


def _shown(found: TermsPlan) -> TermsShown:
    leaving = tuple(gateway.device for gateway in found.leaving)
    doors = found.before.doors if found.before else {}
    return TermsShown(
        found.differences,
        found.effect.gaining,
        found.effect.losing,
        found.stale,
        leaving,
        tuple(name for name in leaving if name not in doors),
        bool(found.terms.gateways),
        found.digest,
    )
