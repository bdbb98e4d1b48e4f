"""A staged plan for bringing edges up to date: one first, then a few, the rest, and hubs last."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

_FEW: Final = 10
_NUMBERS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class EdgeVersion:
    """An edge: its site's people, its ways out, whether others' tunnels end at it, its version.

    version is empty where the edge does not tell it.
    """

    device: str
    site: str
    people: int
    ways: int
    hub: bool
    version: str


@dataclass(frozen=True, slots=True)
class StagedEdge:
    """An edge in a stage, counted from 1; key and values are those of the sentence why."""

    stage: int
    device: str
    site: str
    version: str
    key: str
    values: Mapping[str, str | float]


def order_of(version: str) -> tuple[int, ...]:
    """Return what sorts versions by their numbers, the oldest first."""
    return tuple(map(int, _NUMBERS.findall(version)))


def is_older(version: str, newest: str) -> bool:
    """Return whether a version that is known is older than another."""
    return bool(version) and order_of(version) < order_of(newest)


def plan_stages(
    edges: Iterable[EdgeVersion], newest: str, waiting: Collection[str] = ()
) -> tuple[StagedEdge, ...]:
    """Return in which order edges with an older version than newest are brought up to date.

    So are those on which updates of their system wait. An edge of which neither is known is in no
    stage.
    """
    old = [one for one in edges if is_older(one.version, newest) or one.device in waiting]
    others = sorted((one for one in old if not one.hub), key=_calmest_first)
    hubs = sorted((one for one in old if one.hub), key=lambda one: (one.people, one.device))
    few = ceil((len(others) - 1) / _FEW) if len(others) > 1 else 0
    staged: list[StagedEdge] = []
    for key, group in (
        ("stage-canary", others[:1]),
        ("stage-few", others[1 : 1 + few]),
        ("stage-rest", others[1 + few :]),
        *(("stage-hub", [hub]) for hub in hubs),
    ):
        staged += _stage(staged[-1].stage + 1 if staged else 1, key, group)
    return tuple(staged)


def _stage(number: int, key: str, group: Sequence[EdgeVersion]) -> list[StagedEdge]:
    return [
        StagedEdge(
            number,
            one.device,
            one.site,
            one.version,
            key,
            {"people": one.people, "ways": one.ways} if key == "stage-canary" else {},
        )
        for one in group
    ]


def _calmest_first(one: EdgeVersion) -> tuple[bool, int, str]:
    """Return what sorts an edge with a second way and the fewest people first."""
    return (one.ways < 2, one.people, one.device)
