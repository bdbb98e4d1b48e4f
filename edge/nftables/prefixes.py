"""Prefixes without overlaps, which sets with several keys need: the longest prefix keeps its part.

The same as what longest-prefix routing does, written out.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from ipaddress import collapse_addresses
from typing import TypeVar

from edge.policy.model import Prefix

T = TypeVar("T")


def disjoint(claims: Mapping[Prefix, T], without: Iterable[Prefix] = ()) -> list[tuple[Prefix, T]]:
    """Return the prefixes of all claims cut into parts that belong to one claim each.

    What lies in a prefix of without belongs to nobody, unless a longer claim lies within it.
    """
    cuts = {*claims, *without}
    parts: list[tuple[Prefix, T]] = []
    for version in (4, 6):
        ordered = sorted((c for c in cuts if c.version == version), key=_order)
        starts = [_first(prefix) for prefix in ordered]
        for place, prefix in enumerate(ordered):
            if prefix in claims:
                end = bisect_right(starts, int(prefix.broadcast_address), lo=place + 1)
                inner = ordered[place + 1 : end]
                parts += ((part, claims[prefix]) for part in _remaining(prefix, inner))
    return parts


def _first(prefix: Prefix) -> int:
    return int(prefix.network_address)


def _order(prefix: Prefix) -> tuple[int, int]:
    return _first(prefix), prefix.prefixlen


def _remaining(prefix: Prefix, inner: list[Prefix]) -> list[Prefix]:
    """Return a prefix without those within it."""
    left = [prefix]
    for hole in _outermost(inner):
        around = next(part for part in left if hole.subnet_of(part))  # type: ignore[arg-type]
        left.remove(around)
        left += around.address_exclude(hole)  # type: ignore[arg-type]
    return sorted(left, key=_order)


def _outermost(inner: list[Prefix]) -> list[Prefix]:
    return list(collapse_addresses(inner))  # type: ignore[type-var]
