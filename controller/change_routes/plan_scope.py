"""Plans of somebody whose right covers a part of the network: made, and told, within that part."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from accounts.roles import Principal, visible
from controller.api.places import Places
from controller.load import Loaded
from controller.model import Plan
from controller.planning.from_folder import FolderPlan, PlanChoices
from controller.planning.plan import managed
from controller.planning.selection import select_devices
from controller.roles import Right
from inventory.errors import IntentError, PlanError, SanagaError, UnknownNameError
from inventory.model import Intent, SiteName
from topology.model import BlastRadius

BEYOND: Final = "this reaches beyond your scope; ask somebody who may plan for more of the network"
_NAME: Final = re.compile(r"[^\W_]+(?:[-_.][^\W_]+)*")
# Shares of the whole network tell how large it is.
_SHARE: Final = re.compile(r"\d+ of \d+")


@dataclass(frozen=True, slots=True)
class ScopedPlanning:
    """What somebody may plan, and hear of a plan, who may plan at some sites alone."""

    principal: Principal

    def sites(self, intent: Intent) -> frozenset[SiteName]:
        """Return the sites at which the person may plan."""
        return visible(self.principal, Right.PLAN, Places(intent).sites)

    def narrow(self, loaded: Loaded, choices: PlanChoices) -> PlanChoices:
        """Return choices that plan for devices within the scope alone.

        What is outside can neither be named nor guessed. Raises UnknownNameError and PlanError.
        """
        own = _part(loaded.intent, self.sites(loaded.intent))
        known = frozenset(managed(loaded.intent, loaded.overlay)) & own.devices.keys()
        chosen = select_devices(own, choices.only, known) if choices.only else known
        if choices.without:
            chosen -= select_devices(own, choices.without, known)
        if not chosen:
            raise PlanError("no device within your scope is left to plan for")
        return replace(choices, only=[f"device:{name}" for name in sorted(chosen)], without=())

    def narrowed(self, found: FolderPlan, intent: Intent) -> tuple[FolderPlan, tuple[str, ...]]:
        """Return a plan without what it says of the rest of the network, and the sites it is about.

        Raises PlanError where it would change anything outside, or cut it off.
        """
        here, plan = self.sites(intent), found.plan
        touched = _touched(plan, intent)
        if not touched <= here:
            raise PlanError(BEYOND)
        outside = _names(intent, here)
        told = replace(
            plan,
            blast_radius=_seen_radius(plan.blast_radius, intent, here),
            steady=_seen_radius(plan.steady, intent, here),
            notices=tuple(_within(plan.notices, outside)),
            findings=tuple(one for one in plan.findings if _may_hear(one.because, outside)),
            forced=tuple(_within(plan.forced, outside)),
            refused=tuple(_reasons(plan.refused, outside)),
        )
        kept = {name: why for name, why in found.unmanaged.items() if name not in outside}
        notes = tuple(_within(found.notes, outside))
        return FolderPlan(told, kept, notes), tuple(sorted(touched))

    def explained(self, error: SanagaError, intent: Intent | None) -> SanagaError:
        """Return an error without what it says of the rest of the network."""
        if isinstance(error, IntentError) or intent is None:
            return PlanError(
                "the documents of the network have faults; somebody who may plan for all of it "
                "sees which"
            )
        # A name that is not within the scope is answered with those that are.
        if isinstance(error, UnknownNameError):
            return error
        outside = _names(intent, self.sites(intent))
        return error if _may_hear(str(error), outside) else PlanError(BEYOND)


def _part(intent: Intent, sites: Collection[SiteName]) -> Intent:
    """Return an intent of some sites and their devices, to look names up in."""
    return replace(
        intent,
        sites={name: site for name, site in intent.sites.items() if name in sites},
        devices={name: one for name, one in intent.devices.items() if one.site in sites},
    )


def _touched(plan: Plan, intent: Intent) -> frozenset[SiteName]:
    """Return the sites of all devices that a plan was made for, and those that it cuts off."""
    planned = {intent.devices[name].site for name in plan.seen if name in intent.devices}
    return frozenset({*planned, *plan.blast_radius.disconnected, *plan.steady.disconnected})


def _seen_radius(radius: BlastRadius, intent: Intent, here: Collection[SiteName]) -> BlastRadius:
    """Return a radius without the sites outside that lose a second way and stay connected."""
    degraded = tuple(name for name in radius.degraded if name in here)
    sites = [intent.sites[name] for name in degraded]
    return replace(
        radius,
        degraded=degraded,
        facilities_degraded=sum(len(site.facilities) for site in sites),
        population_degraded=sum(site.population or 0 for site in sites),
    )


def _names(intent: Intent, here: Collection[SiteName]) -> frozenset[str]:
    """Return the names of sites, regions, devices and circuits with nothing at some sites."""
    sites = {name: site for name, site in intent.sites.items() if name not in here}
    known = {intent.sites[name].region for name in here}
    regions = {site.region for site in sites.values()} - known
    devices = {name for name, one in intent.devices.items() if one.site in sites}
    circuits = {
        name
        for name, one in intent.circuits.items()
        if {end.device for end in (one.a, one.b) if end is not None} <= devices
    }
    return frozenset(sites) | regions | devices | circuits


def _may_hear(text: str, outside: frozenset[str]) -> bool:
    return outside.isdisjoint(_NAME.findall(text)) and not _SHARE.search(text)


def _within(texts: Iterable[str], outside: frozenset[str]) -> list[str]:
    return [text for text in texts if _may_hear(text, outside)]


def _reasons(texts: Iterable[str], outside: frozenset[str]) -> list[str]:
    """Return why a plan is refused; what reaches beyond the scope in one sentence without it."""
    given = list(texts)
    told = _within(given, outside)
    hidden = ["it is refused for a reason that " + BEYOND.removeprefix("this ")]
    return told if len(told) == len(given) else [*told, *hidden]
