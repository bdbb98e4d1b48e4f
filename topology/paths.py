"""Ways between two places: the best, the k best, and a largest set that shares nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from heapq import heappop, heappush
from math import prod
from typing import Final, Literal, TypeAlias

from inventory.errors import UnknownNameError
from inventory.model import SiteName
from topology.build import LAN_RATE_MBPS, site_node
from topology.max_flow import MaxFlow
from topology.model import Link, LinkName, Node, NodeKind, NodeName, Path, Topology

# One integer orders paths: circuits under maintenance first of all, then cost, then delay in ns.
_MAINTENANCE: Final = 10**20
_COST: Final = 10**14
# BGP decides equal MEDs by the cluster list, which has an entry for every router on the way.
_HOP: Final = 10**11
_NS_PER_MS: Final = 10**6
_PREFIXES: Final = ("", "site:", "provider:")

_Way: TypeAlias = tuple[tuple[NodeName, ...], tuple[LinkName, ...]]
_Key: TypeAlias = tuple[int, tuple[NodeName, ...], tuple[LinkName, ...]]
_Adjacency: TypeAlias = Mapping[NodeName, Sequence[tuple[NodeName, Link, int]]]


def node_named(topology: Topology, name: str) -> NodeName:
    """Return the node a person means: a device, or a site or provider with or without prefix.

    Raises UnknownNameError.
    """
    for prefix in _PREFIXES:
        if prefix + name in topology.nodes:
            return prefix + name
    raise _unknown(name, topology.nodes)


def best_path(topology: Topology, a: str, b: str) -> Path | None:
    """Return the path that routing takes, or None when there is no way.

    Raises UnknownNameError.
    """
    return next(iter(ranked_paths(topology, a, b, k=1)), None)


def paths_to_sites(topology: Topology) -> Mapping[SiteName, Path]:
    """Return the path that routing takes from an anchor to each site that is reached."""
    anchors = sorted(topology.anchors & topology.nodes.keys())
    ways = _settled(_adjacency(topology), topology, [((name,), ()) for name in anchors])
    return {
        site: path_along(topology, nodes, links)
        for _, nodes, links in ways
        if (node := topology.nodes[nodes[-1]]).kind is NodeKind.SITE and (site := node.site)
    }


def ranked_paths(topology: Topology, a: str, b: str, *, k: int) -> tuple[Path, ...]:
    """Return the k best paths without loops, by cost, hops, delay and names (Yen 1971).

    Circuits under maintenance are used only when nothing else remains. Raises UnknownNameError.
    """
    start, goal = node_named(topology, a), node_named(topology, b)
    adjacency = _adjacency(topology)
    found: list[_Way] = []
    waiting = [key for key in [_cheapest(adjacency, topology, ((start,), ()), goal, ())] if key]
    seen = {way[1:] for way in waiting}
    while waiting and len(found) < k:
        _, nodes, links = heappop(waiting)
        found.append((nodes, links))
        for i in range(len(links)):
            root = nodes[: i + 1], links[:i]
            banned = {taken[i] for _, taken in found if len(taken) > i and taken[:i] == links[:i]}
            key = _cheapest(adjacency, topology, root, goal, banned)
            if key and key[1:] not in seen:
                seen.add(key[1:])
                heappush(waiting, key)
    return tuple(path_along(topology, *way) for way in found)


def disjoint_paths(
    topology: Topology, a: str, b: str, *, by: Literal["node", "link"] = "node"
) -> tuple[Path, ...]:
    """Return a largest set of paths that share no node or no link, the cheapest such set.

    What lies inside the two ends may be shared: a site's own devices and its LANs, when the end
    is a site. Raises UnknownNameError.
    """
    start, goal = node_named(topology, a), node_named(topology, b)
    if start == goal:
        return (path_along(topology, (start,), ()),)
    flow = _flow(topology, (start, goal), by)
    source, sink = flow.ports(start)[1], flow.ports(goal)[0]
    units = 0
    while flow.push(source, sink):
        units += 1
    ways = (flow.take(source, sink) for _ in range(units))
    paths = [path_along(topology, *_walk(topology, start, links)) for links in ways]
    return tuple(sorted(paths, key=lambda path: _key(topology, path)))


def without_failed(topology: Topology, failed: Collection[str]) -> Topology:
    """Return the graph that remains when links or nodes fail; a site fails with all its devices.

    Weights and anchors stay, except that an anchor may be gone from the nodes.
    Raises UnknownNameError.
    """
    links, nodes = resolve_failed(topology, failed)
    kept = {name: node for name, node in topology.nodes.items() if name not in nodes}
    return replace(
        topology,
        nodes=kept,
        links={
            name: link
            for name, link in topology.links.items()
            if name not in links and link.a in kept and link.b in kept
        },
        anchors=topology.anchors & kept.keys(),
    )


def resolve_failed(
    topology: Topology, failed: Collection[str]
) -> tuple[frozenset[LinkName], frozenset[NodeName]]:
    """Return the links and nodes that fail with these names; a name of both fails both.

    Raises UnknownNameError.
    """
    links, nodes = set[LinkName](), set[NodeName]()
    for name in failed:
        if name in topology.links:
            links.add(name)
        candidates = [p + name for p in _PREFIXES if p + name in topology.nodes][:1]
        nodes.update(*(fails_with(topology, topology.nodes[node]) for node in candidates))
        if name not in links and not candidates:
            raise _unknown(name, [*topology.links, *topology.nodes])
    return frozenset(links), frozenset(nodes)


def fails_with(topology: Topology, node: Node) -> Iterator[NodeName]:
    """Yield the nodes that fail together with a node: a site takes its devices along."""
    yield node.name
    if node.kind is NodeKind.SITE:
        yield from (name for name, n in topology.nodes.items() if n.site == node.site)


def _unknown(name: str, known: Iterable[str]) -> UnknownNameError:
    bare = {n.removeprefix("site:").removeprefix("provider:") for n in known}
    close = get_close_matches(name.removeprefix("site:").removeprefix("provider:"), bare, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'sanaga topology show' lists the names"
    return UnknownNameError(f"nothing is called {name!r}; {hint}")


def _adjacency(topology: Topology) -> _Adjacency:
    around: dict[NodeName, list[tuple[NodeName, Link, int]]] = {n: [] for n in topology.nodes}
    for link in topology.links.values():
        crossing = path_weight(link)
        around[link.a].append((link.b, link, crossing))
        around[link.b].append((link.a, link, crossing))
    return around


def path_weight(link: Link) -> int:
    """Return what crossing a link adds to a path, by which paths are ordered."""
    maintenance = _MAINTENANCE if link.maintenance else 0
    return maintenance + link.cost * _COST + _HOP + round(link.delay_ms * _NS_PER_MS)


def _cheapest(
    adjacency: _Adjacency,
    topology: Topology,
    root: _Way,
    goal: NodeName,
    banned: Collection[LinkName],
) -> _Key | None:
    """Return the least way that begins with root and does not go on over a banned link."""
    found = _settled(adjacency, topology, (root,), banned)
    return next((key for key in found if key[1][-1] == goal), None)


def _settled(
    adjacency: _Adjacency,
    topology: Topology,
    roots: Sequence[_Way],
    banned: Collection[LinkName] = (),
) -> Iterator[_Key]:
    """Yield the least way to each node, the least first; roots are equally long."""
    heap: list[_Key] = [
        (sum(path_weight(topology.links[name]) for name in links), nodes, links)
        for nodes, links in sorted(roots)
    ]
    begun = len(heap[0][1]) if heap else 0
    done = {name for nodes, _ in roots for name in nodes[:-1]}
    while heap:
        spent, nodes, links = heappop(heap)
        here = nodes[-1]
        if here in done:
            continue
        done.add(here)
        yield spent, nodes, links
        for there, link, more in adjacency[here]:
            if there in done or (link.name in banned and len(nodes) == begun):
                continue
            if len(nodes) == 1 or passes(topology, nodes[-2], here, there):
                heappush(heap, (spent + more, (*nodes, there), (*links, link.name)))


def passes(topology: Topology, before: NodeName, here: NodeName, after: NodeName) -> bool:
    """Return whether a node passes on what comes from one neighbour and is for another."""
    node = topology.nodes[here]
    if node.private:
        return site_node(node.site or "") in (before, after)
    return node.kind is not NodeKind.SITE


def path_along(
    topology: Topology, nodes: tuple[NodeName, ...], links: tuple[LinkName, ...]
) -> Path:
    """Return the path over these nodes and the links between them, with its figures."""
    crossed = [topology.links[name] for name in links]
    onward = [link.a == at for link, at in zip(crossed, nodes, strict=False)]
    rates = [
        link.rate_up_mbps if forward else link.rate_down_mbps
        for link, forward in zip(crossed, onward, strict=True)
    ]
    return Path(
        nodes=nodes,
        links=links,
        cost=sum(link.cost for link in crossed),
        delay_ms=sum(link.delay_ms for link in crossed),
        rate_mbps=min(rates, default=LAN_RATE_MBPS),
        loss=1.0 - prod(1.0 - link.loss for link in crossed),
    )


def _key(topology: Topology, path: Path) -> _Key:
    return sum(path_weight(topology.links[name]) for name in path.links), path.nodes, path.links


def _walk(topology: Topology, start: NodeName, links: tuple[LinkName, ...]) -> _Way:
    nodes = [start]
    for name in links:
        link = topology.links[name]
        nodes.append(link.b if link.a == nodes[-1] else link.a)
    return tuple(nodes), links


def _flow(topology: Topology, ends: tuple[NodeName, NodeName], by: str) -> MaxFlow:
    """Return the network in which every unit of flow is one more disjoint path."""
    flow, plenty = MaxFlow.between(topology.nodes), len(topology.links) + 1
    shared = _inside(topology, ends)
    for name, node in topology.nodes.items():
        if node.kind is not NodeKind.SITE and (
            not node.private or site_node(node.site or "") in ends
        ):
            flow.allow_through(name, plenty if by == "link" or name in shared else 1)
    for link in topology.links.values():
        free = link.circuit is None and shared.issuperset((link.a, link.b))
        flow.allow_over(link, plenty if free else 1, path_weight(link) + 1)
    return flow


def _inside(topology: Topology, ends: tuple[NodeName, NodeName]) -> frozenset[NodeName]:
    """Return the nodes at the ends that are sites, unless both ends lie in one site."""
    a, b = (topology.nodes[name] for name in ends)
    sites = {n.site for n in (a, b) if n.kind is NodeKind.SITE and a.site != b.site}
    return frozenset(name for name, node in topology.nodes.items() if node.site in sites)
