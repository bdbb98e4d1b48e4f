"""Which consultations a change of circuits and devices would touch, said in a sentence."""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from controller.consultations.model import Announcement, Standing
from controller.wording import listing

# More names than these are counted.
_NAMED: Final = 3


def touched_by(
    announcements: Iterable[Announcement],
    names: Collection[str],
    ways: Callable[[tuple[str, ...]], Collection[str]],
    now_s: float,
    standings: Collection[Standing] = (Standing.RUNNING,),
) -> tuple[Announcement, ...]:
    """Return the consultations of some standings that go over any circuit, device or site named.

    ways returns the names of everything on the ways between sites.
    """
    wanted = set(names)
    return tuple(
        one
        for one in announcements
        if one.standing(now_s) in standings and not wanted.isdisjoint(ways(one.sites))
    )


def shared_names(
    touched: Iterable[Announcement],
    names: Collection[str],
    ways: Callable[[tuple[str, ...]], Collection[str]],
    circuits: Collection[str],
) -> tuple[str, ...]:
    """Return which of some names consultations go over: circuits, or devices where it is none."""
    on_ways = {name for one in touched for name in ways(one.sites)}
    found = sorted(on_ways.intersection(names))
    return tuple(name for name in found if name in circuits) or tuple(found)


def _named_or_counted(names: Collection[str]) -> str:
    return listing(sorted(names)) if len(names) <= _NAMED else f"{len(names)} things it changes"


def conflict_sentence(
    touched: Collection[Announcement], names: Collection[str], clock: Callable[[float], str]
) -> str:
    """Return why a change must wait; nothing where it need not. clock writes a time of day."""
    if not touched:
        return ""
    over = _named_or_counted(names)
    last = clock(max(one.ends_s for one in touched))
    if len(touched) == 1:
        return f"1 consultation runs over {over}, it ends at {last}"
    return f"{len(touched)} consultations run over {over}, the last ends at {last}"


def coming_sentence(
    coming: Collection[Announcement], names: Collection[str], clock: Callable[[float], str]
) -> str:
    """Return which consultations are announced over what a change touches; nothing if none is."""
    if not coming:
        return ""
    over = _named_or_counted(names)
    first = clock(min(one.begins_s for one in coming))
    if len(coming) == 1:
        return f"1 consultation is announced over {over}, it begins at {first}"
    return f"{len(coming)} consultations are announced over {over}, the first begins at {first}"
