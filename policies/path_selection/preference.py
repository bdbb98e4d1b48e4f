"""How good a path is for a class of traffic, and which of two is preferred.

A path keeps the objective or it does not; whether it is well is another question, asked of what
its medium can do. A geostationary satellite that takes 300 ms keeps no conversation's objective and
is well all the same: it is not fled from, and given up for a better path without haste.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from math import inf
from typing import Final

from inventory.model import Medium
from policies.model import PathPolicy, Slo
from topology.quality import emodel
from topology.quality.health import LinkHealth, PathName
from topology.quality.media import USUAL

# Paths that keep no objective are alike when their worst figures differ by less than this.
STEPS: Final = 4
# Objectives below this, which nothing meets, are taken for this.
LEAST: Final = 1e-4


class Grade(IntEnum):
    """What a path is to a class of traffic, best first."""

    KEEPS = 0
    ANSWERS = 1
    UNKNOWN = 2
    DEAD = 3


@dataclass(frozen=True, slots=True)
class Alternative:
    """A path that could be taken; cost is the circuits' own, lower is preferred.

    A drained one is left at once and taken by nobody, as long as another one answers.
    """

    path: PathName
    medium: Medium
    metered: bool
    cost: int
    health: LinkHealth
    drained: bool = False


@dataclass(frozen=True, slots=True)
class Duty:
    """What is owed to a class of traffic: its objective and how it chooses."""

    slo: Slo
    policy: PathPolicy


@dataclass(frozen=True, slots=True)
class Limits:
    """What a path may show before it counts as below its objective; loss is judged by a test."""

    delay_ms: float
    jitter_ms: float
    mos: float


@dataclass(frozen=True, slots=True)
class PathView:
    """An alternative as a class of traffic sees it.

    well says that it keeps the objective or does what its medium can. severity is how far its
    worst figure lies from the objective: 1 is just there, and whoever is not well has at least 1.
    rank orders paths that are equally good: by medium, cost and name. Both forgive what is usual
    for the medium; measured_severity and measured_keeps forgive nothing.
    """

    alternative: Alternative
    grade: Grade
    well: bool
    severity: float
    rank: tuple[int, int, PathName]
    measured_severity: float = 1.0
    measured_keeps: bool = False

    @property
    def path(self) -> PathName:
        """Return the path's name."""
        return self.alternative.path

    @property
    def health(self) -> LinkHealth:
        """Return the path's health."""
        return self.alternative.health

    @property
    def order(self) -> tuple[int, int, tuple[int, int, PathName]]:
        """Return what paths are sorted by, the best first."""
        rough = round(self.severity * STEPS) if self.grade is Grade.ANSWERS else 0
        return self.grade, rough, self.rank


@lru_cache(maxsize=256)
def _limits(slo: Slo, medium: Medium) -> tuple[Limits, Limits]:
    """Return the limits of the objective itself, and those relaxed to what the medium can do."""
    usual = USUAL[medium]
    ear_ms = usual.delay_ms + usual.jitter_ms + emodel.END_SYSTEM_MS
    mos = 0.0 if slo.mos is None else slo.mos
    possible = emodel.mos(emodel.r_factor(ear_ms, usual.loss))
    return (
        Limits(slo.delay_ms, slo.jitter_ms, mos),
        Limits(
            max(slo.delay_ms, usual.delay_ms),
            max(slo.jitter_ms, usual.jitter_ms),
            min(mos, possible),
        ),
    )


def path_view(alternative: Alternative, duty: Duty) -> PathView:
    """Return how a class of traffic sees a path whose medium its policy names."""
    policy, health = duty.policy, alternative.health
    cost = alternative.cost + (policy.metered_cost if alternative.metered else 0)
    rank = (policy.media.index(alternative.medium), cost, alternative.path)
    if health.dead:
        return PathView(alternative, Grade.DEAD, well=False, severity=1.0, rank=rank)
    if health.delay_ms is None:
        return PathView(alternative, Grade.UNKNOWN, well=False, severity=1.0, rank=rank)
    strict, relaxed = _limits(duty.slo, alternative.medium)
    losing = loses(health, duty.slo)
    well = not losing and _within(health, relaxed)
    keeps = well and _within(health, strict)
    severity = _severity(health, duty.slo, _credited_loss(health))
    return PathView(
        alternative,
        Grade.KEEPS if keeps else Grade.ANSWERS,
        well,
        severity if well else max(1.0, severity),
        rank,
        _severity(health, duty.slo, _worse_loss(health)),
        _within(health, strict) and _worse_loss(health) <= duty.slo.loss,
    )


def is_worse(one: PathView, than: PathView) -> bool:
    """Return whether a path is worse than one that answers, whatever is usual for their media.

    It misses the objective that the other keeps, or does worse in delay, loss and MOS together.
    """
    if than.measured_keeps and not one.measured_keeps:
        return True
    mine, theirs = one.health, than.health
    if None in {mine.delay_ms, theirs.delay_ms, mine.mos, theirs.mos}:
        return False
    return (
        (mine.delay_ms or 0.0) > (theirs.delay_ms or 0.0)
        and _worse_loss(mine) > _worse_loss(theirs)
        and (mine.mos or 0.0) < (theirs.mos or 0.0)
    )


def _within(health: LinkHealth, limits: Limits) -> bool:
    return (
        (health.delay_ms or 0.0) <= 2 * limits.delay_ms
        and health.jitter_ms <= limits.jitter_ms
        and (health.mos is None or health.mos >= limits.mos)
    )


def loses(health: LinkHealth, slo: Slo) -> bool:
    """Return whether more is lost than the objective allows, as far as that is proven."""
    if not health.lossy:
        return False
    return slo.loss <= USUAL[health.medium].excess or _worse_loss(health) > slo.loss


def _worse_loss(health: LinkHealth) -> float:
    """Return the share that is lost in the worse direction."""
    return max(health.loss_out, health.loss_in)


def _credited_loss(health: LinkHealth) -> float:
    """Return the share that counts: beyond the usual only once it is proven."""
    loss = _worse_loss(health)
    return loss if health.lossy else min(loss, USUAL[health.medium].loss)


def _severity(health: LinkHealth, slo: Slo, loss: float) -> float:
    """Return the worst figure over its objective."""
    return max(
        (health.delay_ms or 0.0) / 2 / max(slo.delay_ms, LEAST),
        health.jitter_ms / max(slo.jitter_ms, LEAST),
        loss / max(slo.loss, LEAST),
    )


def path_shortfall(health: LinkHealth, slo: Slo) -> str:
    """Return in words the figures of a path that miss an objective, the gravest first."""
    found = []
    if loses(health, slo):
        found.append(f"loses {_worse_loss(health):.1%}, more than is usual for {health.medium}")
    if health.delay_ms is not None and health.delay_ms > 2 * slo.delay_ms:
        found.append(f"takes {health.delay_ms / 2:.0f} ms one way, over {slo.delay_ms:g} ms")
    if health.jitter_ms > slo.jitter_ms:
        found.append(f"varies by {health.jitter_ms:.0f} ms, over {slo.jitter_ms:g} ms")
    if slo.mos is not None and health.mos is not None and health.mos < slo.mos:
        found.append(f"has MOS {health.mos:.1f}, under {slo.mos:g}")
    return " and ".join(found[:2]) or "keeps its objective"


def path_figures(health: LinkHealth) -> str:
    """Return the figures of a path in words."""
    if health.delay_ms is None:
        return "not measured yet"
    spoken = "" if health.mos is None else f", MOS {health.mos:.1f}"
    return (
        f"{health.delay_ms / 2:.0f} ms one way, jitter {health.jitter_ms:.0f} ms, "
        f"loss {_worse_loss(health):.1%}{spoken}"
    )


def path_silence(health: LinkHealth, now_s: float) -> str:
    """Return in words for how long a path has not answered."""
    count = f"{health.overdue} test packets"
    if health.answered_at_s == -inf:
        return f"has not answered yet ({count})"
    return f"answers no more ({count}, {(now_s - health.answered_at_s) * 1e3:.0f} ms)"


def described(one: PathView) -> str:
    """Return a path's medium and figures in words."""
    return f"{one.alternative.medium}, {path_figures(one.health)}"
