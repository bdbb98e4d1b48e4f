"""Cheapest flows of one unit per link or node: the arithmetic below disjoint paths.

Successive shortest augmenting paths (Busacker and Gowen 1960) on ports: every node has an inner
and an outer port, so that a node can be limited like a link. Arc i ^ 1 undoes arc i.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from topology.model import Link, LinkName, NodeName


@dataclass(slots=True)
class MaxFlow:
    """A network of arcs with room left, what each costs, and the link it stands for."""

    index: Mapping[NodeName, int]
    around: list[list[int]]
    heads: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    link: list[LinkName | None] = field(default_factory=list)

    @classmethod
    def between(cls, nodes: Iterable[NodeName]) -> "MaxFlow":
        """Return a flow over these nodes, without any way through or between them yet."""
        index = {name: i for i, name in enumerate(nodes)}
        return cls(index, [[] for _ in range(2 * len(index))])

    def ports(self, node: NodeName) -> tuple[int, int]:
        """Return a node's inner and outer port."""
        return 2 * self.index[node], 2 * self.index[node] + 1

    def allow_through(self, node: NodeName, room: int) -> None:
        """Let that many units cross a node."""
        self._arc(self.ports(node), room, 0, None)

    def allow_over(self, link: Link, room: int, cost: int) -> None:
        """Let that many units cross a link in either direction, each at a cost above 0."""
        self._arc((self.ports(link.a)[1], self.ports(link.b)[0]), room, cost, link.name)
        self._arc((self.ports(link.b)[1], self.ports(link.a)[0]), room, cost, link.name)

    def push(self, source: int, sink: int) -> bool:
        """Send one more unit the cheapest way; False when no way is left."""
        reached = self._cheapest(source)
        if sink not in reached:
            return False
        port = sink
        while port != source:
            arc = reached[port]
            self.room[arc] -= 1
            self.room[arc ^ 1] += 1
            port = self.heads[arc ^ 1]
        return True

    def take(self, source: int, sink: int) -> tuple[LinkName, ...]:
        """Remove one unit from the flow and return the links it crossed."""
        port, links = source, list[LinkName]()
        while port != sink:
            arc = next(i for i in self.around[port] if i % 2 == 0 and self.room[i + 1] > 0)
            self.room[arc + 1] -= 1
            port = self.heads[arc]
            name = self.link[arc]
            links.extend([name] if name is not None else [])
        return tuple(links)

    def _arc(self, ports: tuple[int, int], room: int, cost: int, link: LinkName | None) -> None:
        tail, head = ports
        for origin, target, amount, price in ((tail, head, room, cost), (head, tail, 0, -cost)):
            self.around[origin].append(len(self.heads))
            self.heads.append(target)
            self.room.append(amount)
            self.cost.append(price)
            self.link.append(link)

    def _cheapest(self, source: int) -> dict[int, int]:
        """Return for every port within reach the last arc of the cheapest way to it."""
        spent: dict[int, float] = {source: 0}
        last: dict[int, int] = {}
        queue, queued = deque([source]), {source}
        while queue:
            port = queue.popleft()
            queued.remove(port)
            for arc in self.around[port]:
                there = self.heads[arc]
                offer = spent[port] + self.cost[arc]
                if self.room[arc] and offer < spent.get(there, inf):
                    spent[there], last[there] = offer, arc
                    if there not in queued:
                        queue.append(there)
                        queued.add(there)
        return last
