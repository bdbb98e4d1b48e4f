"""Which preshared key a tunnel has with a peer: that of this week, and another when it fails.

WireGuard knows one preshared key for each peer. A session that stands goes on when the key becomes
another one; the next handshake, after 120 s, needs the far end's. With clocks that are right both
ends change in the same moment. The end that dials sees that no handshake comes when it is due, and
has until 180 s, when the session ends, to try the keys of the weeks around, the one that was
answered last, and those of the series of before. The end that listens cannot see who tries in vain:
it keeps what is answered, and changes rarely, so that a dialling end goes through all of its own
meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from vpn.wireguard.psk_ratchet import LAST_EPOCH, NO_TERM, Term

# WireGuard renews a session after 120 s, upon the next keepalive (25 or 50 s), and tries twice.
OVERDUE_S: Final = 150.0
# What a listening end has begun to have it leaves again then; the dialling end still has time.
LATE_S: Final = 155.0
# Then the session is over.
OVER_S: Final = 181.0
# A handshake is tried again after 5 to 5.4 s.
TRIED_S: Final = 5.5
# Without any session the right key is there most of the time: a circuit that was down is to carry
# traffic as soon as it is back.
RIGHT_S: Final = 20.0
# Longer than a dialling end needs for all it has.
LISTENED_S: Final = 600.0
# How often a listening end looks whether the other one has come to know the right key, and how
# young a session is that leaves time for it.
LOOK_S: Final = 3_600.0
YOUNG_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class KnownChains:
    """What there is with a peer: the first epoch left of each series, and what was answered last.

    answered is None before the first handshake.
    """

    series: tuple[tuple[int, int], ...]
    answered: Term | None = None


def candidates(known: KnownChains, series: int, epoch: int, *, dials: bool) -> tuple[Term, ...]:
    """Return what to try in a week, the right one first: that of the policy's series."""
    return tuple(dict.fromkeys(_candidates(known, series, epoch, dials=dials)))


def _candidates(known: KnownChains, series: int, epoch: int, *, dials: bool) -> Iterator[Term]:
    first, answered = dict(known.series), known.answered or NO_TERM
    here = series in first
    now = _week(series, answered, first, epoch) if here else 0
    if here or not series:
        yield series, now
    former = answered[0]
    if former in first or not former:
        # What was answered last, and what the far end makes of it by now.
        yield (former, _week(former, answered, first, epoch)) if former else NO_TERM
        yield answered
    if here and dials:
        yield series, min(LAST_EPOCH, now + 1)
        yield series, max(first[series], now - 1)


def _week(series: int, answered: Term, first: Mapping[int, int], epoch: int) -> int:
    """Return the week to begin with; a clock behind what was answered is wrong."""
    return max(epoch, first[series], answered[1] if answered[0] == series else 0)


@dataclass(frozen=True, slots=True)
class PskAttempt:
    """What a tunnel has with a peer since when, and what it was meant to have then.

    shaken_s is when the peer's last handshake was as this began, by the peer's own account (None:
    nobody has looked yet); tries are counted since one was answered; back is what was answered
    before.
    """

    term: Term
    wanted: Term
    since_s: float
    shaken_s: float | None = None
    tries: int = 0
    back: Term | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """What is seen of a session: now, its age, and when its handshake was (0: none)."""

    now_s: float
    age_s: float
    shaken_s: float

    @classmethod
    def at(cls, monotonic_s: float, unix_s: float, shaken_s: float) -> "SessionView":
        """Return what a handshake at a time of day amounts to."""
        return cls(monotonic_s, unix_s - shaken_s if shaken_s else inf, shaken_s)


def begun(wanted: Term, now_s: float) -> PskAttempt:
    """Return what a tunnel has at first."""
    return PskAttempt(wanted, wanted, now_s)


def answered(choice: PskAttempt, look: SessionView) -> bool:
    """Return whether there was a handshake with what is chosen."""
    return bool(look.shaken_s) and choice.shaken_s not in {None, look.shaken_s}


def sound(
    choice: PskAttempt, terms: tuple[Term, ...], answered_last: Term | None, look: SessionView
) -> bool:
    """Return whether a session shows that the far end has the right key."""
    return choice.term == terms[0] == answered_last and look.age_s < OVERDUE_S


def chosen(
    choice: PskAttempt, terms: tuple[Term, ...], look: SessionView, *, dials: bool
) -> PskAttempt:
    """Return what a tunnel has from now on; terms are the candidates, the right one first."""
    if choice.shaken_s is None or not look.shaken_s:
        choice = replace(choice, shaken_s=look.shaken_s)
    if choice.wanted != terms[0] and (dials or not YOUNG_S <= look.age_s < OVER_S):
        # Another week, or another policy; the end that listens leaves the next handshake as it is.
        return PskAttempt(terms[0], terms[0], look.now_s, back=choice.term)
    if answered(choice, look):
        if dials:
            # The next handshake is for the right key again, with a minute to find this one again.
            return begun(terms[0], look.now_s)
        return replace(choice, shaken_s=look.shaken_s, back=None)
    return (_dialling if dials else _listening)(choice, terms, look)


def _dialling(choice: PskAttempt, terms: tuple[Term, ...], look: SessionView) -> PskAttempt:
    over = look.age_s >= OVER_S
    wait_s = RIGHT_S if over and choice.term == terms[0] else TRIED_S
    if look.age_s < OVERDUE_S or look.now_s - choice.since_s < wait_s:
        return choice
    if not over or len(terms) == 1:
        return _next(choice, terms, look)
    others = terms[1:]
    term = terms[0] if choice.term != terms[0] else others[choice.tries // 2 % len(others)]
    return PskAttempt(term, choice.wanted, look.now_s, look.shaken_s, choice.tries + 1)


def _listening(choice: PskAttempt, terms: tuple[Term, ...], look: SessionView) -> PskAttempt:
    over_s, since_s = look.age_s - OVER_S, look.now_s - choice.since_s
    if LATE_S <= look.age_s < inf and choice.back is not None and choice.back in terms:
        return PskAttempt(choice.back, choice.wanted, look.now_s, look.shaken_s)
    if min(over_s, since_s) >= LISTENED_S:
        return _next(choice, terms, look)
    if choice.term != terms[0] and since_s >= LOOK_S and look.age_s < YOUNG_S:
        return PskAttempt(terms[0], terms[0], look.now_s, back=choice.term)
    return choice


def _next(choice: PskAttempt, terms: tuple[Term, ...], look: SessionView) -> PskAttempt:
    place = terms.index(choice.term) + 1 if choice.term in terms else 0
    term = terms[place % len(terms)]
    return PskAttempt(term, choice.wanted, look.now_s, look.shaken_s, choice.tries + 1)
