"""The graph as values: nodes, links, paths and what a failure costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from inventory.model import CircuitName, Medium, SiteName

NodeName: TypeAlias = str
LinkName: TypeAlias = str


class NodeKind(StrEnum):
    """What a node of the graph stands for."""

    SITE = "site"
    DEVICE = "device"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Node:
    """A site's LANs, a device or a provider's network; RFC 8345 calls it a node.

    name is the device's or site's own name, prefixed "site:" or "provider:" for those kinds,
    since a site and a device may share one. A private node, an edge, passes on only what its own
    site's LANs send or get.
    """

    name: NodeName
    kind: NodeKind
    site: SiteName | None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A circuit between two devices or into a provider, or a device's place on its site's LANs.

    circuit is None for the latter. cost is what routing adds for crossing it (1 is the best
    fibre); delay_ms is one way; rate_up_mbps is from a to b.
    """

    name: LinkName
    a: NodeName
    b: NodeName
    circuit: CircuitName | None
    medium: Medium | None
    cost: int
    delay_ms: float
    rate_up_mbps: float
    rate_down_mbps: float
    loss: float
    metered: bool = False
    maintenance: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A way between two nodes: nodes in order, links between them, and sums along it.

    rate_mbps is the bottleneck in the direction of travel, loss a share between 0 and 1.
    """

    nodes: tuple[NodeName, ...]
    links: tuple[LinkName, ...]
    cost: int
    delay_ms: float
    rate_mbps: float
    loss: float


@dataclass(frozen=True, slots=True)
class SiteWeight:
    """What stands behind a site when it is cut off."""

    facilities: int
    population: int


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole graph; anchors are the nodes that everyone must reach (the central site)."""

    nodes: Mapping[NodeName, Node]
    links: Mapping[LinkName, Link]
    anchors: frozenset[NodeName]
    weights: Mapping[SiteName, SiteWeight]


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a set of failures or changes costs.

    disconnected sites no longer reach an anchor; degraded sites still do, but the last way out
    that could fail without harm is gone. Facilities and population count each group's sites.
    """

    failed: tuple[str, ...]
    disconnected: tuple[SiteName, ...]
    degraded: tuple[SiteName, ...]
    facilities_disconnected: int
    facilities_degraded: int
    population_disconnected: int
    population_degraded: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a region, each as a share between 0 and 1 of the region's own total."""

    sites: float
    facilities: float
    population: float


@dataclass(frozen=True, slots=True)
class RegionScore:
    """How a region stands: totals, shares by the ways they have to the anchors, worst failure.

    two_ways, one_way and cut_off add up to 1 (to 0 where the region has none). worst_failure is
    the single circuit, device or provider outside the central site that cuts off most of the
    region's people (then facilities, then sites); worst_cost counts this region only.
    """

    region: str
    sites: int
    facilities: int
    population: int
    two_ways: Share
    one_way: Share
    cut_off: Share
    worst_failure: str | None
    worst_sites: int
    worst_cost: SiteWeight
