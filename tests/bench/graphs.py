"""The graph of the blast radius benchmark: a country's equipment, of exactly known size."""

from itertools import cycle
from typing import Final

from inventory.model import Medium
from topology.model import Link, Node, NodeKind, SiteWeight, Topology

NODES: Final = 5_595
LINKS: Final = 7_238
REGIONS: Final = 10
DEPARTMENTS: Final = 58
ARRONDISSEMENTS: Final = 360
PROVIDERS: Final = ("leo-1", "leo-2", "lte-1", "lte-2", "lte-3", "fibre-1")


class _Sketch:
    """Nodes and links as they are added."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.links: dict[str, Link] = {}

    def site(self, name: str, routers: int) -> None:
        """Add a site with its routers, joined in a row; the first one carries the LANs."""
        self.nodes[f"site:{name}"] = Node(f"site:{name}", NodeKind.SITE, name)
        for i in range(1, routers + 1):
            self.device(f"{name}-r{i}", name)
            if i > 1:
                self.join(f"{name}-r{i - 1}", f"{name}-r{i}")
        lan = f"lan:{name}-r1"
        self.links[lan] = Link(lan, f"{name}-r1", f"site:{name}", None, None, 0, 0, 1e3, 1e3, 0)

    def device(self, name: str, site: str) -> None:
        """Add a device to a site."""
        self.nodes[name] = Node(name, NodeKind.DEVICE, site)

    def join(self, a: str, b: str) -> None:
        """Add a circuit."""
        name = f"c{len(self.links)}"
        self.links[name] = Link(name, a, b, name, Medium.FIBRE, 1, 1.0, 1e3, 1e3, 0.0001)


def national_scale() -> Topology:
    """Return 429 sites in their hierarchy, providers, and equipment as the leaves.

    The centre has four routers, regional and departmental sites two; all are joined to their
    parents and to neighbours, two thirds of the arrondissements have a second way by a provider
    or a neighbour; switches, access points, cameras and screens hang on the sites' routers, a
    switch now and then on both of them.
    """
    sketch = _Sketch()
    _backbone(sketch)
    _arrondissements(sketch)
    _equipment(sketch)
    sites = sorted(
        node.site for node in sketch.nodes.values() if node.kind is NodeKind.SITE and node.site
    )
    weights = {s: SiteWeight(1 + i % 5, 10_000 + 37 * i) for i, s in enumerate(sites)}
    return Topology(sketch.nodes, sketch.links, frozenset({"site:yaounde"}), weights)


def _backbone(sketch: _Sketch) -> None:
    sketch.site("yaounde", 4)
    for name in PROVIDERS:
        sketch.nodes[f"provider:{name}"] = Node(f"provider:{name}", NodeKind.PROVIDER, None)
        sketch.join("yaounde-r1", f"provider:{name}")
        sketch.join("yaounde-r2", f"provider:{name}")
    for r in range(REGIONS):
        sketch.site(f"region{r}", 2)
        sketch.join(f"region{r}-r1", f"yaounde-r{1 + r % 4}")
        sketch.join(f"region{r}-r2", f"yaounde-r{1 + (r + 1) % 4}")
        if r:
            sketch.join(f"region{r}-r2", f"region{r - 1}-r1")
    for d in range(DEPARTMENTS):
        sketch.site(f"department{d}", 2)
        sketch.join(f"department{d}-r1", f"region{d % REGIONS}-r1")
        sketch.join(f"department{d}-r2", f"region{d % REGIONS}-r2")
        sketch.join(f"department{d}-r2", f"provider:{PROVIDERS[d % len(PROVIDERS)]}")


def _arrondissements(sketch: _Sketch) -> None:
    for a in range(ARRONDISSEMENTS):
        name, parent = f"arrondissement{a}", f"department{a % DEPARTMENTS}"
        sketch.site(name, 1)
        sketch.join(f"{name}-r1", f"{parent}-r{1 + a % 2}")
        if a % 3 == 0:
            sketch.join(f"{name}-r1", f"provider:{PROVIDERS[a % len(PROVIDERS)]}")
        elif a % 3 == 1 and a > DEPARTMENTS:
            sketch.join(f"{name}-r1", f"arrondissement{a - DEPARTMENTS}-r1")


def _equipment(sketch: _Sketch) -> None:
    """Add equipment until there are enough nodes, then second links until there are enough."""
    sites = [node.site for node in sketch.nodes.values() if node.kind is NodeKind.SITE]
    leaves: list[tuple[str, int]] = []
    for number, site in enumerate(cycle(sites)):
        if len(sketch.nodes) == NODES:
            break
        leaves.append((str(site), number))
        sketch.device(f"{site}-e{number}", str(site))
        sketch.join(f"{site}-e{number}", f"{site}-r1")
    for site, number in leaves[:: len(leaves) // (LINKS - len(sketch.links))]:
        if len(sketch.links) < LINKS:
            sketch.join(f"{site}-e{number}", _second(sketch, site, number + len(sites)))


def _second(sketch: _Sketch, site: str, number: int) -> str:
    """Return the second router of a site, or another piece of equipment, or the only router."""
    ways = f"{site}-r2", f"{site}-e{number}", f"{site}-r1"
    return next(name for name in ways if name in sketch.nodes)
