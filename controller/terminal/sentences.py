"""Sentences about the graph, the same in every verb."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from controller.wording import count, listing

if TYPE_CHECKING:
    from policies.model import Finding
    from topology.model import BlastRadius
    from topology.model import Path as Way


def way(path: "Way") -> str:
    """Return a way as devices in order with its figures."""
    devices = " → ".join(name for name in path.nodes if not name.startswith("site:"))
    return f"{devices} ({figures(path)})"


def figures(path: "Way") -> str:
    """Return what a way costs and carries."""
    return (
        f"cost {path.cost}, {path.delay_ms:.1f} ms, {path.rate_mbps:g} Mbit/s, "
        f"loss {path.loss * 100:.2f} %"
    )


def radius(blast: "BlastRadius") -> list[str]:
    """Return in sentences which sites a failure or change hurts."""
    if not (blast.disconnected or blast.degraded):
        return ["Nobody is cut off or left without redundancy."]
    return [
        _hurt(
            "cut off",
            blast.disconnected,
            blast.facilities_disconnected,
            blast.population_disconnected,
        ),
        _hurt(
            "left without redundancy",
            blast.degraded,
            blast.facilities_degraded,
            blast.population_degraded,
        ),
    ]


def _hurt(what: str, sites: Sequence[str], facilities: int, people: int) -> str:
    if not sites:
        return f"Nobody is {what}."
    verb = "is" if len(sites) == 1 else "are"
    served = f" for {people:,} people" if people else ""
    return (
        f"{count(len(sites), 'site')} {verb} {what}, with "
        f"{count(facilities, 'facility', 'facilities')}{served}: {listing(sites)}."
    )


def cut_off(sites: Mapping[str, str]) -> list[str]:
    """Return in sentences which sites are cut off as things stand; sites has the reason of each."""
    if not sites:
        return []
    verb = "is" if len(sites) == 1 else "are"
    named = listing([f"{site} ({why})" for site, why in sites.items()])
    return [f"{count(len(sites), 'site')} {verb} cut off: {named}."]


def failure(name: str) -> str:
    """Return what fails as a person calls it."""
    kind, colon, rest = name.partition(":")
    return f"the whole {kind} {rest}" if colon else name


def findings(found: Iterable["Finding"]) -> Iterator[str]:
    """Yield each expectation with whether it holds and why."""
    for finding in found:
        state = "holds" if finding.holds else "FAILS"
        yield f"{state}: {finding.expectation.text}: {finding.because}"
