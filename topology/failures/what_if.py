"""What failures would cost as things stand, and which ways the sites would go then."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from inventory.model import SiteName
from topology.failures.resilience import before_after
from topology.model import BlastRadius, Path, Topology
from topology.paths import paths_to_sites, without_failed


@dataclass(frozen=True, slots=True)
class Supposition:
    """What would be if things failed; usual and then are the ways from an anchor to each site.

    moved are the sites that stay as safe as they are, but over another way.
    """

    radius: BlastRadius
    moved: tuple[SiteName, ...]
    usual: Mapping[SiteName, Path]
    then: Mapping[SiteName, Path]


def suppose_failed(
    topology: Topology, failed: Collection[str], dead: Collection[str] = ()
) -> Supposition:
    """Return what would be if things failed beside what is dead already.

    Names are as in topology.paths.without_failed. Raises UnknownNameError.
    """
    before = without_failed(topology, dead)
    after = without_failed(topology, {*dead, *failed})
    radius, usual, then = before_after(before, after), paths_to_sites(before), paths_to_sites(after)
    hurt = {*radius.disconnected, *radius.degraded}
    moved = (site for site in _elsewhere(usual, then) if site not in hurt)
    return Supposition(radius, tuple(sorted(moved)), usual, then)


def _elsewhere(usual: Mapping[SiteName, Path], then: Mapping[SiteName, Path]) -> Iterator[SiteName]:
    return (site for site, way in then.items() if site in usual and way.links != usual[site].links)
