"""Whether what is open to some people covers what was open to them before."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from inventory.addressing import Prefix
from inventory.model import Ports
from vpn.grants.packet_filter import FilterOpening

# A prefix, on some ports or on all of them.
Way: TypeAlias = tuple[Prefix, Ports | None]


def ways_opened(openings: Iterable[FilterOpening]) -> Iterator[Way]:
    """Yield every prefix of openings with every range of ports on it."""
    for one in openings:
        for prefix in one.prefixes:
            for ports in one.ports or (None,):
                yield prefix, ports


def covers_way(wider: Iterable[Way], narrower: Iterable[Way]) -> bool:
    """Return whether each of the narrower ways lies within a wider one.

    What several prefixes or ranges of ports cover only together counts as not covered.
    """
    known: dict[Prefix, set[Ports | None]] = {}
    for prefix, ports in wider:
        known.setdefault(prefix, set()).add(ports)
    return all(_covered(known, prefix, ports) for prefix, ports in narrower)


def _covered(
    known: Mapping[Prefix, set[Ports | None]], prefix: Prefix, ports: Ports | None
) -> bool:
    if ports in known.get(prefix, ()):
        return True
    around = (prefix.supernet(new_prefix=size) for size in range(prefix.prefixlen, -1, -1))
    return any(_within(ports, wider) for one in around for wider in known.get(one, ()))


def _within(ports: Ports | None, wider: Ports | None) -> bool:
    if wider is None or ports is None:
        return wider is None
    same = ports.protocol == wider.protocol
    return same and wider.first <= ports.first and ports.last <= wider.last
