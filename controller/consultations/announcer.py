"""News of announced consultations: that they began, and that they are over."""

from collections.abc import Iterable, Mapping
from typing import Final

from controller.consultations.model import Announcement, Standing
from controller.incidents.model import Consultation

_BEGAN: Final = 1
_ENDED: Final = 2


def due_news(
    announcements: Iterable[Announcement], known: Mapping[str, Consultation], now_s: float
) -> tuple[Consultation, ...]:
    """Return what is to be said of consultations that began or ended and that nobody said yet."""
    return tuple(
        _news(one, running=running, now_s=now_s)
        for one in announcements
        if (running := one.standing(now_s) is Standing.RUNNING) != _is_running(known.get(one.name))
    )


def _is_running(known: Consultation | None) -> bool:
    return known is not None and known.running


def _news(one: Announcement, *, running: bool, now_s: float) -> Consultation:
    sequence = _BEGAN if running else _ENDED
    at_s = one.begins_s if running else min(one.cancelled_s or one.ends_s, now_s)
    return Consultation(one.name, one.sites, running, sequence, at_s)
