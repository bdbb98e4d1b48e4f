"""What each single failure cuts off, and what it leaves hanging on one circuit, all at once.

Every answer is a few intervals of the depth-first tree, found in near-linear time together:

- two circuits are a cut together exactly when the same back links cover them (cycle space
  labels, Pritchard and Thurimella 2011), so circuits with equal labels form one ring, and the
  loss of any of them leaves the ring's parts away from the root on their last way;
- a node v and a circuit f are a cut together in one of four ways, told apart by where f lies:
  below v with all that is under it leaning on v; below v with all between them leaning on it;
  above v; or as the only back link that passes v.

Vertices stand for the tree's: "above" is towards the anchors, low and high are the highest and
the lowest placed end (smallest and largest number) of the back links that leave a subtree.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias

from topology.failures.tree import Interval, SpanningTree
from topology.model import LinkName

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

_LABEL_BITS: Final = 128
_LABEL_SEED: Final = 429
_Vector: TypeAlias = "NDArray[int64]"


@dataclass(frozen=True, slots=True)
class Cut:
    """What one failure does: intervals no longer reached, and intervals on their last way.

    The latter may overlap the former, and hold vertices that were on their last way before.
    """

    off: tuple[Interval, ...] = ()
    thin: tuple[Interval, ...] = ()


def circuit_cuts(tree: SpanningTree) -> Mapping[LinkName, Cut]:
    """Return the cut of every circuit that the anchors reach."""
    cuts = {}
    for ring in _rings(tree):
        cut = Cut(thin=_ring_away(tree, ring))
        cuts.update({name: cut for name, _ in ring})
    for i, name in enumerate(tree.above):
        if name is not None and not tree.covers[i]:
            cuts[name] = Cut(off=((i, tree.end[i]),))
    return cuts


_Ring: TypeAlias = list[tuple[LinkName, int | None]]


def _rings(tree: SpanningTree) -> Iterator[_Ring]:
    """Yield the circuits of each ring: those of the tree with their lower vertex, top first."""
    random = Random(_LABEL_SEED)  # noqa: S311 - labels, not secrets
    labels = [0] * len(tree.names)
    rings: dict[int, _Ring] = defaultdict(list)
    loose: list[tuple[LinkName, int]] = []
    for link in tree.back:
        label = random.getrandbits(_LABEL_BITS)
        labels[link.origin] ^= label
        labels[link.target] ^= label
        loose += [(link.circuit, label)] if link.circuit is not None else []
    for i in range(len(labels) - 1, 0, -1):
        labels[tree.parent[i]] ^= labels[i]
    for i, name in enumerate(tree.above):
        if name is not None and tree.covers[i]:
            rings[labels[i]].append((name, i))
    for name, label in loose:
        rings[label].append((name, None))
    return iter(rings.values())


def _ring_away(tree: SpanningTree, ring: _Ring) -> tuple[Interval, ...]:
    """Return the parts of a ring away from the root.

    A back link closes the ring through vertices above it, so all below its top are away;
    otherwise the part below its last circuit is joined to the root by the links that cover all.
    """
    lower = [i for _, i in ring if i is not None]
    if not lower or len(ring) == 1:
        return ()
    top, bottom = lower[0], lower[-1]
    if len(lower) < len(ring):
        return ((top, tree.end[top]),)
    return (top, bottom), (tree.end[bottom], tree.end[top])


def node_cuts(tree: SpanningTree) -> Sequence[Cut]:
    """Return the cut of every vertex but the root, whose entry is empty."""
    reach = _Reach.of(tree)
    off = _cut_off(tree, reach)
    thin: list[list[Interval]] = [[] for _ in tree.names]
    for part in (_leaning(tree, reach), _between(tree, reach), _single(tree, reach)):
        for v, interval in part:
            thin[v].append(interval)
    for v, interval in _overhead(tree, reach):
        thin[v].append(interval)
    return [Cut(tuple(a), tuple(b)) for a, b in zip(off, thin, strict=True)]


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where the back links that leave each vertex's subtree end.

    low and high count those that end above the vertex, high_past and past those that end above
    its parent; source is the lowest vertex below which all of the former begin, source_past the
    same for the latter. Without any, low is the number of vertices, the others -1.
    """

    low: Sequence[int]
    high: Sequence[int]
    high_past: Sequence[int]
    past: Sequence[int]
    source: Sequence[int]
    source_past: Sequence[int]
    children: Sequence[Sequence[int]]

    @classmethod
    def of(cls, tree: SpanningTree) -> "_Reach":
        own = _own_low(tree)
        past = list(tree.covers)
        for link in tree.back:
            past[link.below] -= 1
        source, source_past = _sources(tree, own)
        children: list[list[int]] = [[] for _ in tree.names]
        for i in range(1, len(tree.names)):
            children[tree.parent[i]].append(i)
        return cls(
            low=_low(tree, own),
            high=_high(tree, past=0),
            high_past=_high(tree, past=1),
            past=past,
            source=source,
            source_past=source_past,
            children=children,
        )


def _own_low(tree: SpanningTree) -> list[int]:
    low = [len(tree.names)] * len(tree.names)
    for link in tree.back:
        low[link.origin] = min(low[link.origin], link.target)
    return low


def _low(tree: SpanningTree, own: Sequence[int]) -> list[int]:
    low = list(own)
    for i in range(len(low) - 1, 0, -1):
        low[tree.parent[i]] = min(low[tree.parent[i]], low[i])
    none = len(low)
    return [end if end < i else none for i, end in enumerate(low)]


def _high(tree: SpanningTree, past: int) -> list[int]:
    """Return where the lowest placed back link ends above each vertex (past=1: its parent)."""
    high = [-1] * len(tree.names)
    skip = list(range(len(tree.names)))
    limit = tree.parent if past else range(len(tree.names))
    for link in sorted(tree.back, key=lambda link: -link.target):
        i = _root(skip, link.origin)
        while limit[i] > link.target:
            high[i] = link.target
            skip[i] = tree.parent[i]
            i = _root(skip, i)
    return high


def _root(skip: list[int], i: int) -> int:
    """Return the end of a chain of skips, and shorten it (path halving)."""
    while skip[i] != i:
        skip[i] = skip[skip[i]]
        i = skip[i]
    return i


def _sources(tree: SpanningTree, own: Sequence[int]) -> tuple[list[int], list[int]]:
    size = len(tree.names)
    lifts = _lifts(tree)
    source, source_past = [-1] * size, [-1] * size
    origins: list[int] = []
    entering = sorted((x for x in range(size) if own[x] < size), key=own.__getitem__, reverse=True)
    below: list[list[int]] = [[] for _ in range(size)]
    for i in range(1, size):
        below[tree.parent[i]].append(i)
    for v in range(size):
        while entering and own[entering[-1]] < v:
            insort(origins, entering.pop())
        source[v] = _meeting(tree, lifts, origins, v)
        for child in below[v]:
            source_past[child] = _meeting(tree, lifts, origins, child)
    return source, source_past


def _lifts(tree: SpanningTree) -> list[Sequence[int]]:
    """Return the ancestors 1, 2, 4, ... steps up from every vertex, the farthest first."""
    lifts = [tree.parent]
    for _ in range(len(tree.names).bit_length() - 1):
        last = lifts[-1]
        lifts.append([last[i] for i in last])
    return lifts[::-1]


def _meeting(
    tree: SpanningTree, lifts: Sequence[Sequence[int]], origins: Sequence[int], top: int
) -> int:
    """Return the lowest vertex that has all origins below top below it, -1 without any."""
    first = bisect_left(origins, top)
    last = bisect_left(origins, tree.end[top]) - 1
    if last < first:
        return -1
    here, far = origins[first], origins[last]
    if tree.end[here] > far:
        return here
    for lift in lifts:
        if tree.end[lift[here]] <= far:
            here = lift[here]
    return tree.parent[here]


def _cut_off(tree: SpanningTree, reach: _Reach) -> list[list[Interval]]:
    off: list[list[Interval]] = [[(i, i + 1)] for i in range(len(tree.names))]
    off[0] = []
    for child in range(1, len(tree.names)):
        v = tree.parent[child]
        if v and reach.low[child] >= v:
            off[v].append((child, tree.end[child]))
    return off


def _leaning(tree: SpanningTree, reach: _Reach) -> Iterator[tuple[int, Interval]]:
    """Yield what hangs on one circuit below v and otherwise only on v."""
    for i in range(1, len(tree.names)):
        v, above = reach.high[i], tree.parent[i]
        if v > 0 and v == reach.low[i] and v != above:
            yield v, (i, tree.end[i])


def _between(tree: SpanningTree, reach: _Reach) -> Iterator[tuple[int, Interval]]:
    """Yield what lies between v and a circuit below it through which all ways past v lead.

    Below such a circuit no back link ends strictly between it and v. Where one does, the next
    candidate up is the vertex where it ends; those steps are taken for good as v moves up.
    """
    skip = list(range(len(tree.names)))
    falling = sorted(range(len(tree.names)), key=reach.high.__getitem__)
    for v in range(len(tree.names) - 1, 0, -1):
        while reach.high[falling[-1]] > v:
            i = falling.pop()
            skip[i] = reach.high[i]
        for child in reach.children[v]:
            if reach.past[child]:
                bottom = _root(skip, reach.source_past[child])
                if bottom > child:
                    yield v, (child, bottom)
                    yield v, (tree.end[bottom], tree.end[child])


def _single(tree: SpanningTree, reach: _Reach) -> Iterator[tuple[int, Interval]]:
    """Yield what is below v when one back link alone passes v."""
    for child in range(1, len(tree.names)):
        if reach.past[child] == 1:
            yield tree.parent[child], (child, tree.end[child])


def _overhead(tree: SpanningTree, reach: _Reach) -> Iterator[tuple[int, Interval]]:
    """Yield what hangs on a circuit above v and otherwise only on v and what is below it.

    The highest such circuit takes along all that the others would.
    """
    import numpy as np  # noqa: PLC0415 - slow to load, not needed by most commands

    source = np.asarray(reach.source)
    path = np.zeros(len(tree.names) + 1, dtype=np.int64)
    depth = [0] * len(tree.names)
    for v in range(1, len(tree.names)):
        depth[v] = depth[tree.parent[v]] + 1
        path[depth[v]] = v
        if tree.safe[v]:
            ancestors = path[1 : depth[v]]
            origin = source[ancestors]
            tops = ancestors[(origin >= v) & (origin < tree.end[v])]
            yield from _below_top(tree, reach, v, tops)


def _below_top(
    tree: SpanningTree, reach: _Reach, v: int, tops: _Vector
) -> Iterator[tuple[int, Interval]]:
    past = [child for child in reach.children[v] if reach.past[child]]
    for child in past:
        if not len(tops):
            return
        tops = tops[(tops <= reach.low[child]) | (tops > reach.high_past[child])]
    if len(tops):
        top = int(tops[0])
        yield v, (top, v)
        yield v, (tree.end[v], tree.end[top])
        for child in past:
            if reach.low[child] >= top:
                yield v, (child, tree.end[child])
