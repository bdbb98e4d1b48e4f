"""What failures cost: bridges, cut vertices, blast radii, and how each region stands.

A site is redundant when no single circuit's failure cuts it off from the anchors. It is
degraded by a failure when it was redundant before, still reaches an anchor, and is no longer
redundant.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from inventory.model import CircuitName, Intent, SiteName
from topology.failures.blast_radius import Survey, radius_of, site_names
from topology.failures.stub_sites import circuits_of_leaves
from topology.failures.tree import graph_of, spanning_tree
from topology.model import BlastRadius, NodeName, RegionScore, Share, SiteWeight, Topology
from topology.paths import without_failed


@dataclass(frozen=True, slots=True)
class ResilienceState:
    """The sites that reach an anchor, and those of them that no single circuit cuts off."""

    reached: frozenset[SiteName]
    redundant: frozenset[SiteName]


def standing_nodes(topology: Topology) -> ResilienceState:
    """Return how every site stands."""
    tree, places = spanning_tree(graph_of(topology)), site_names(topology)
    found = frozenset(tree.names)
    safe = frozenset(name for name, ok in zip(tree.names, tree.safe, strict=True) if ok)
    behind = {places[node]: on for node, on in circuits_of_leaves(topology, tree).items()}
    return ResilienceState(
        reached=frozenset(places[name] for name in found & places.keys()) | behind.keys(),
        redundant=frozenset(places[name] for name in safe & places.keys())
        | {site for site, on in behind.items() if not on},
    )


def single_way_out(topology: Topology) -> tuple[SiteName, ...]:
    """Return the sites that reach an anchor but that some single circuit would cut off."""
    stand = standing_nodes(topology)
    return tuple(sorted(stand.reached - stand.redundant))


def find_bridges(topology: Topology) -> tuple[CircuitName, ...]:
    """Return the circuits whose loss alone cuts off a site."""
    radii = Survey.of(topology).circuits()
    return tuple(sorted(name for name, radius in radii if radius.disconnected))


def cut_vertices(topology: Topology) -> tuple[NodeName, ...]:
    """Return the devices and providers whose loss alone cuts off a site other than their own."""
    radii = Survey.of(topology).nodes()
    own = {name: node.site for name, node in topology.nodes.items()}
    cutting = (name for name, radius in radii if {*radius.disconnected} - {own[name]})
    return tuple(sorted(cutting))


def blast_radius(topology: Topology, failed: Collection[str]) -> BlastRadius:
    """Return what a set of failures costs; names as in topology.paths.without.

    Raises UnknownNameError.
    """
    return _cost(topology, without_failed(topology, failed), failed)


def before_after(before: Topology, after: Topology) -> BlastRadius:
    """Return what a change costs the sites that stood before it; a removed site is cut off.

    failed names the links and nodes that the change takes away.
    """
    links, nodes = (
        before.links.keys() - after.links.keys(),
        before.nodes.keys() - after.nodes.keys(),
    )
    return _cost(before, after, links | nodes)


def _cost(before: Topology, after: Topology, failed: Collection[str]) -> BlastRadius:
    was, now = standing_nodes(before), standing_nodes(after)
    degraded = (was.redundant & now.reached) - now.redundant
    return radius_of(before, tuple(sorted({*failed})), was.reached - now.reached, degraded)


def every_blast_radius(topology: Topology) -> Mapping[str, BlastRadius]:
    """Return what the failure of every single circuit and every single node costs, by name."""
    survey = Survey.of(topology)
    radii = dict(survey.circuits())
    for name, radius in (*survey.nodes(), *survey.sites()):
        radii[name] = blast_radius(topology, [name]) if name in radii else radius
    return radii


def region_scores(topology: Topology, intent: Intent) -> tuple[RegionScore, ...]:
    """Return how every region stands, by the name of the region."""
    regions = defaultdict[str, set[SiteName]](set)
    for site in intent.sites.values():
        regions[site.region].add(site.name)
    stand, worst = standing_nodes(topology), _worst_failures(topology, intent)
    return tuple(
        _score(topology, (name, frozenset(regions[name])), stand, worst.get(name, _NO_FAILURE))
        for name in sorted(regions)
    )


@dataclass(frozen=True, slots=True, order=True)
class _Toll:
    """What a failure costs one region; the greater toll is the worse."""

    population: int
    facilities: int
    sites: int


_NO_FAILURE: Final[tuple[str | None, _Toll]] = (None, _Toll(0, 0, 0))


def _worst_failures(topology: Topology, intent: Intent) -> Mapping[str, tuple[str, _Toll]]:
    """Return for every region that a single failure can hurt the worst one, first by name."""
    worst: dict[str, tuple[str, _Toll]] = {}
    for name, radius in sorted(_failures(topology), key=itemgetter(0)):
        lost = defaultdict[str, set[SiteName]](set)
        for site in radius.disconnected:
            lost[intent.sites[site].region].add(site)
        for region, sites in lost.items():
            toll = _toll(topology, sites)
            if region not in worst or toll > worst[region][1]:
                worst[region] = name, toll
    return worst


def _failures(topology: Topology) -> Iterator[tuple[str, BlastRadius]]:
    """Yield the failures of circuits and of devices and providers outside the central site."""
    survey = Survey.of(topology)
    central = {topology.nodes[anchor].site for anchor in topology.anchors} - {None}
    yield from survey.circuits()
    for name, radius in survey.nodes():
        if topology.nodes[name].site not in central:
            yield name, radius


def _toll(topology: Topology, sites: Collection[SiteName]) -> _Toll:
    weights = [topology.weights[site] for site in sites]
    return _Toll(
        sum(weight.population for weight in weights),
        sum(weight.facilities for weight in weights),
        len(sites),
    )


def _score(
    topology: Topology,
    region: tuple[str, frozenset[SiteName]],
    stand: ResilienceState,
    worst: tuple[str | None, _Toll],
) -> RegionScore:
    name, sites = region
    total, (failure, toll) = _toll(topology, sites), worst
    groups = (sites & stand.redundant, (sites & stand.reached) - stand.redundant)
    two, one, off = (_toll(topology, group) for group in (*groups, sites - stand.reached))
    return RegionScore(
        region=name,
        sites=total.sites,
        facilities=total.facilities,
        population=total.population,
        two_ways=_share(two, total),
        one_way=_share(one, total),
        cut_off=_share(off, total),
        worst_failure=failure,
        worst_sites=toll.sites,
        worst_cost=SiteWeight(toll.facilities, toll.population),
    )


def _share(part: _Toll, total: _Toll) -> Share:
    return Share(
        sites=part.sites / max(1, total.sites),
        facilities=part.facilities / max(1, total.facilities),
        population=part.population / max(1, total.population),
    )
