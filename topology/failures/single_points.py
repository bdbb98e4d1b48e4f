"""Single points of failure that a change adds to sites that had one before."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from inventory.model import SiteName
from topology.failures.blast_radius import Survey
from topology.failures.resilience import standing_nodes
from topology.model import BlastRadius, Topology


def new_single_points(
    before: Topology, after: Topology, told: Collection[SiteName]
) -> Mapping[SiteName, tuple[str, ...]]:
    """Return for the sites that hang on more single things than before what is new.

    Things are circuits, devices and providers outside the site. Sites that are told of otherwise
    are left out, and so are those that hung on nothing alone before: they are degraded.
    """
    if before.links == after.links:
        return {}
    sites = standing_nodes(before).reached & standing_nodes(after).reached - frozenset(told)
    if len(sites) <= len(before.anchors):
        return {}
    was, now = _single_points(before), _single_points(after)
    return {
        site: tuple(sorted(now[site] - was[site]))
        for site in sorted(sites)
        if was[site] and len(now[site]) > len(was[site])
    }


def _single_points(topology: Topology) -> defaultdict[SiteName, set[str]]:
    points = defaultdict[SiteName, set[str]](set)
    for name, radius in _failures(topology):
        node = topology.nodes.get(name)
        for site in radius.disconnected:
            if node is None or node.site != site:
                points[site].add(name)
    return points


def _failures(topology: Topology) -> Iterator[tuple[str, BlastRadius]]:
    survey = Survey.of(topology)
    yield from survey.circuits()
    yield from survey.nodes()
