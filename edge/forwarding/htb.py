"""Queues as values: the hierarchies of HTB classes that a policy asks for.

Classes of traffic are distinguished where they still can be: on the tunnel's interface, before
encryption. A little below the circuit's rate the packets wait there, in our order, and not in a
modem. On the circuit itself, tunnels go before anything plain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

from edge.policy.model import EdgePolicy, Underlay
from policies.model import CARE_CLASSES

OCTETS_PER_S: Final = 125_000  # of a Mbit/s
CIRCUIT_SHARE: Final = 0.95
# Below the circuit's share even when two segments count as one packet with one overhead.
TUNNEL_SHARE: Final = 0.92
# Ethernet 14, IPv4 20, UDP 8, WireGuard 32 and its padding.
TUNNEL_OVERHEAD: Final = 80
WAIT_S: Final = 0.1
SMALLEST_LIMIT: Final = 70_000  # one packet of 64 kB from a sender that leaves cutting to us
SMALLEST_BURST: Final = 3_200
BURST_S: Final = 0.002
SMALLEST_RATE: Final = 1_000
LOWEST_PRIORITY: Final = 7

TOTAL: Final = 1
REST: Final = 2
TUNNELLED: Final = 3
# Of what the care classes are promised: their tunnel's outer packets, and each class without it.
OUTER_PART: Final = 0.8


@dataclass(frozen=True, slots=True)
class QueueClass:
    """An HTB class; rates in octets per second, limit in octets (0: it has children)."""

    minor: int
    parent: int
    rate: int
    ceiling: int
    priority: int = 0
    limit: int = 0

    @property
    def burst(self) -> int:
        """Return how many octets may pass at once."""
        return max(SMALLEST_BURST, int(self.ceiling * BURST_S))


@dataclass(frozen=True, slots=True)
class Queue:
    """All of an interface's queueing; overhead is what each packet grows by on the circuit."""

    interface: str
    classes: tuple[QueueClass, ...]
    overhead: int = 0


def policy_queues(policy: EdgePolicy) -> tuple[Queue, ...]:
    """Return the queueing of every tunnel, every circuit, and of what arrives where asked."""
    tunnels = (_tunnel(policy, underlay) for underlay in policy.underlays)
    return (*tunnels, *_circuits(policy), *_arrivals(policy))


def ingress_name(policy: EdgePolicy, underlay: Underlay) -> str:
    """Return the name of the interface through which an underlay's arrivals are led."""
    return f"sanaga-in{policy.underlays.index(underlay)}"


def stride(policy: EdgePolicy) -> int:
    """Return how many class numbers each peer has, a power of 16, for people who read them."""
    return 0x10 if len(policy.classes) + 2 <= 0x10 else 0x40


def outer_minor(policy: EdgePolicy, place: int) -> int:
    """Return the class of the care tunnel's outer packets and of probes to the peer in a place."""
    return _base(policy, place) + 1


def class_minor(policy: EdgePolicy, place: int, index: int) -> int:
    """Return the HTB class of a class of traffic to the peer in a place."""
    return _base(policy, place) + 2 + index


def _base(policy: EdgePolicy, place: int) -> int:
    return stride(policy) * (1 + place)


def _octets(mbps: float, share: float) -> int:
    return max(SMALLEST_RATE, int(mbps * OCTETS_PER_S * share))


def _limit(rate: int) -> int:
    return max(SMALLEST_LIMIT, int(rate * WAIT_S))


def _tunnel(policy: EdgePolicy, underlay: Underlay) -> Queue:
    total = _octets(underlay.rate_up_mbps, TUNNEL_SHARE)
    top = QueueClass(TOTAL, 0, total, total)
    rest = QueueClass(REST, TOTAL, max(SMALLEST_RATE, total // 100), total, 6, _limit(total))
    ceilings = {
        place: min(total, _octets(path.rate_mbps, TUNNEL_SHARE))
        for place, peer in enumerate(policy.peers)
        for path in peer.paths
        if path.circuit == underlay.circuit
    }
    promised = sum(ceilings.values())
    scale = min(1.0, total * 0.99 / promised) if promised else 1.0
    classes = [top, rest]
    for place, ceiling in ceilings.items():
        classes += _peer(policy, place, max(SMALLEST_RATE, int(ceiling * scale)), ceiling)
    return Queue(underlay.tunnel, tuple(classes), TUNNEL_OVERHEAD)


def _peer(policy: EdgePolicy, place: int, rate: int, ceiling: int) -> Iterator[QueueClass]:
    """Yield a peer's classes: never more to it than it can receive, whatever else we have."""
    base = _base(policy, place)
    yield QueueClass(base, TOTAL, rate, ceiling)
    for minor, share, priority in _leaves(policy, place):
        promised = max(SMALLEST_RATE, int(rate * share))
        yield QueueClass(minor, base, promised, ceiling, priority, _limit(ceiling))


def _leaves(policy: EdgePolicy, place: int) -> Iterator[tuple[int, float, int]]:
    """Yield the minor number, promised share and priority of each class of traffic."""
    shares = [c.service.share for c in policy.classes]
    whole = max(1.0, sum(shares))
    care = [c.service.share for c in policy.classes if c.service.name in CARE_CLASSES]
    yield outer_minor(policy, place), OUTER_PART * sum(care) / whole, 0
    others = 0
    for index, share in enumerate(shares):
        minor = class_minor(policy, place, index)
        if policy.classes[index].service.name in CARE_CLASSES:
            yield minor, (1 - OUTER_PART) * share / whole, 0
        else:
            others += 1
            yield minor, share / whole, min(others, LOWEST_PRIORITY)


def _circuits(policy: EdgePolicy) -> Iterator[Queue]:
    by_interface = attrgetter("interface")
    for interface, group in groupby(sorted(policy.underlays, key=by_interface), by_interface):
        yield _circuit(interface, sum(underlay.rate_up_mbps for underlay in group))


def _arrivals(policy: EdgePolicy) -> Iterator[Queue]:
    for underlay in policy.underlays:
        if underlay.shape_ingress:
            yield _circuit(ingress_name(policy, underlay), underlay.rate_down_mbps)


def _circuit(interface: str, rate_mbps: float) -> Queue:
    """Return tunnels before plain packets, which keep a little."""
    total = _octets(rate_mbps, CIRCUIT_SHARE)
    plain = max(SMALLEST_RATE, total // 50)
    classes = (
        QueueClass(TOTAL, 0, total, total),
        QueueClass(REST, TOTAL, plain, total, LOWEST_PRIORITY, _limit(total)),
        QueueClass(TUNNELLED, TOTAL, max(SMALLEST_RATE, total - plain), total, 0, _limit(total)),
    )
    return Queue(interface, classes)
