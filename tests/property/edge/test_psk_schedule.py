"""Two ends that choose preshared keys by themselves meet, and no session ends on the way.

WireGuard is modelled by its timers (the WireGuard paper, section 6.1): whoever dials renews a
session after 120 s and tries every 5 s, a session ends after 180 s, and a handshake needs the same
preshared key at both ends.
"""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.keys import psk_schedule
from edge.keys.psk_schedule import KnownChains, PskAttempt, SessionView
from vpn.wireguard.psk_ratchet import EPOCH_S, FIRST_S, NO_TERM, Term, epoch_at

RENEWED_S, TRIED_S, ENDS_S = 120, 5, 180
LOOK_S = 3
WEEK = 40


@dataclass
class End:
    """One end: what it knows, and how far its clock is off."""

    dials: bool
    series: int
    known: KnownChains
    clock_off_s: float = 0.0
    choice: PskAttempt | None = None
    shaken_s: float = 0.0
    terms: tuple[Term, ...] = ()

    def unix_s(self, now_s: float) -> float:
        return now_s + self.clock_off_s

    def look(self, now_s: float) -> None:
        look = SessionView.at(now_s, self.unix_s(now_s), self.shaken_s)
        if self.choice and psk_schedule.answered(self.choice, look):
            self.prove(self.choice.term)
        epoch = epoch_at(self.unix_s(now_s))
        found = psk_schedule.candidates(self.known, self.series, epoch, dials=self.dials)
        self.terms = found or (NO_TERM,)
        choice = self.choice or psk_schedule.begun(self.terms[0], now_s)
        self.choice = psk_schedule.chosen(choice, self.terms, look, dials=self.dials)

    def prove(self, term: Term) -> None:
        series, former = dict(self.known.series), self.known.answered
        if former and former[0] == term[0] and former[1] > term[1]:
            return
        if term[0] == self.series and term == former:
            first = max(series.get(term[0], 0), term[1] - 1)
            self.known = KnownChains(((term[0], first),) if term[0] else (), term)
        else:
            self.known = KnownChains(self.known.series, term)


@dataclass
class Pair:
    dialling: End
    listening: End
    now_s: float
    began_s: float = float("-inf")
    tried_s: float = float("-inf")
    silent: list[float] = field(default_factory=list)

    @property
    def age_s(self) -> float:
        return self.now_s - self.began_s

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s += 1
            if int(self.now_s) % LOOK_S == 0:
                self.dialling.look(self.now_s)
                self.listening.look(self.now_s)
            self._dial()
            if self.age_s >= ENDS_S:
                self.silent.append(self.now_s)

    def _dial(self) -> None:
        ends = (self.dialling, self.listening)
        if self.age_s < RENEWED_S or self.now_s - self.tried_s < TRIED_S:
            return
        self.tried_s = self.now_s
        terms = [end.choice.term for end in ends if end.choice]
        if len(terms) == 2 and terms[0] == terms[1]:
            self.began_s = self.now_s
            for end in ends:
                end.shaken_s = end.unix_s(self.now_s)


def dials(series: int, known: KnownChains, clock_off_s: float = 0.0) -> End:
    return End(dials=True, series=series, known=known, clock_off_s=clock_off_s)


def listens(series: int, known: KnownChains, clock_off_s: float = 0.0) -> End:
    return End(dials=False, series=series, known=known, clock_off_s=clock_off_s)


def at_week(week: int) -> float:
    return float(FIRST_S + week * EPOCH_S)


def both(since: int, answered: Term | None = None) -> KnownChains:
    return KnownChains(((1, since),), answered)


HALF_WEEK = 3.4 * 86_400


@settings(max_examples=50)
@given(
    offs=st.tuples(*[st.floats(-HALF_WEEK, HALF_WEEK)] * 2),
    phase=st.integers(0, 200),
    which=st.sampled_from([0, 1]),
)
def test_no_session_ends_at_the_turn_of_a_week_although_the_clocks_are_days_apart(
    offs, phase, which
):
    ends = (dials(1, both(WEEK - 2), offs[0]), listens(1, both(WEEK - 2), offs[1]))
    # So that the week turns at the one end or the other.
    made = Pair(*ends, at_week(WEEK) - offs[which] - 400 - phase)
    made.passes(400)
    assert made.age_s < ENDS_S
    made.silent.clear()
    made.passes(900)
    assert made.silent == []


@settings(max_examples=50)
@given(away=st.integers(1, 60), off_s=st.floats(-HALF_WEEK, HALF_WEEK))
def test_whoever_was_away_for_weeks_or_is_restored_from_an_old_image_is_back_within_a_minute(
    away, off_s
):
    old = both(WEEK - 1, (1, WEEK))
    now = WEEK + away
    made = Pair(dials(1, old, off_s), listens(1, both(now - 1, (1, now))), at_week(now) + 300_000)
    made.passes(60)
    assert made.age_s < 60


@settings(max_examples=30)
@given(away=st.integers(1, 60), phase=st.integers(0, 400))
def test_whoever_comes_back_with_the_clock_of_then_is_heard_within_a_quarter_of_an_hour(
    away, phase
):
    old, now = both(WEEK - 1, (1, WEEK)), WEEK + away
    behind_s = -away * EPOCH_S
    # The listening end heard it last then, and nobody since.
    made = Pair(dials(1, old, behind_s), listens(1, old), at_week(now) + 300_000 + phase)
    made.passes(1200)
    assert made.age_s < ENDS_S


@settings(max_examples=50)
@given(
    late_s=st.integers(0, 3000),
    first=st.sampled_from(["dialling", "listening"]),
    phase=st.integers(0, 130),
    former=st.sampled_from([0, 1]),
)
def test_another_series_that_comes_to_one_end_later_ends_no_session(late_s, first, phase, former):
    known = both(WEEK - 1, (1, WEEK)) if former else KnownChains((), None)
    made = Pair(dials(former, known), listens(former, known), at_week(WEEK) + 300_000)
    made.passes(300 + phase)
    made.silent.clear()
    ends = [made.dialling, made.listening]
    for end in ends if first == "dialling" else reversed(ends):
        end.known = KnownChains((*end.known.series, (2, WEEK - 1)), end.known.answered)
        end.series = 2
        made.passes(late_s)
    # When the one that listens knows it first, it looks again after an hour.
    made.passes(4000)
    assert made.silent == []
    assert made.dialling.known.answered == made.listening.known.answered == (2, WEEK)
    # What was answered last lets everything before go.
    assert [one for one, _ in made.listening.known.series] == [2]


def test_an_end_that_lacks_the_series_is_heard_with_the_former_one():
    known = both(WEEK - 1, (1, WEEK))
    made = Pair(dials(1, known), listens(1, known), at_week(WEEK) + 300_000)
    made.passes(400)
    made.listening.known = KnownChains((*made.listening.known.series, (2, WEEK - 1)), (1, WEEK))
    made.listening.series = 2
    made.silent.clear()
    # Every hour it looks whether the new one is known by now.
    made.passes(20_000)
    assert made.silent == []
    assert made.age_s < ENDS_S


def test_with_chains_of_different_secrets_nobody_ever_meets():
    """The control: what the model calls a handshake needs the same key."""
    made = Pair(
        dials(1, both(WEEK, (1, WEEK))),
        listens(2, KnownChains(((2, WEEK),), (2, WEEK))),
        at_week(WEEK) + 300_000,
    )
    made.passes(3000)
    assert made.age_s == float("inf")
