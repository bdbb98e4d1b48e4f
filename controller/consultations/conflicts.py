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
) -> tuple[Announcement, ...]:
    """Return the running consultations that go over any circuit, device or site of some names.

    ways returns the names of everything on the ways between sites.
    """
    wanted = set(names)
    return tuple(
        one
        for one in announcements
        if one.standing(now_s) is Standing.RUNNING and not wanted.isdisjoint(ways(one.sites))
    )


def conflict_sentence(
    touched: Collection[Announcement], names: Collection[str], clock: Callable[[float], str]
) -> str:
    """Return why a change must wait; nothing where it need not. clock writes a time of day."""
    if not touched:
        return ""
    over = listing(sorted(names)) if len(names) <= _NAMED else f"{len(names)} things it changes"
    last = clock(max(one.ends_s for one in touched))
    if len(touched) == 1:
        return f"1 consultation runs over {over}, it ends at {last}"
    return f"{len(touched)} consultations run over {over}, the last ends at {last}"
