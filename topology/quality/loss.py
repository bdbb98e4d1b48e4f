"""Loss of a path: shares of the last packets, their burstiness, and a test of whether it is usual.

Shares are noisy: of 100 packets of a satellite that loses 2 %, five are missing now and then. What
decides is therefore a sequential test for each direction and for both together (cumulated sums of
log-likelihood ratios; E. S. Page, Continuous inspection schemes, 1954), which knows the usual loss
of the medium. A burst counts for a part of the evidence at most, so that it is never all of it.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import inf, log
from typing import Final

from topology.quality.media import Usual

BUCKET_S: Final = 1.0
BUCKET_PACES: Final = 10
BUCKETS: Final = 10
# Two grains do not reach the evidence: a grain begins with a loss, and a short burst is one.
PART: Final = 0.48
# What was proven is taken back when this share of the evidence is left; more than twice the
# evidence is never gathered, so that it does not take long.
TAKEN_BACK: Final = 0.25
MOST: Final = 2.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """Packets of one measurement in each direction: how many should have come and did not."""

    out: int
    lost_out: int
    back: int
    lost_in: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A cumulated sum; kept is what it would be without this grain, which began at grain_s.

    packets are those since the sum was last zero, and lost how many of them did not come.
    """

    value: float = 0.0
    kept: float = 0.0
    grain_s: float = -inf
    gathered: float = 0.0
    packets: int = 0
    lost: int = 0


NO_EVIDENCE: Final = Evidence()


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was lost in one stretch of time; runs are losses in a row."""

    start_s: float
    out: int = 0
    lost_out: int = 0
    back: int = 0
    lost_in: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Losses:
    """The last packets in buckets, and the evidence against each way and both together."""

    buckets: tuple[Bucket, ...] = ()
    evidence: tuple[Evidence, Evidence, Evidence] = (NO_EVIDENCE, NO_EVIDENCE, NO_EVIDENCE)
    proven: bool = False
    losing: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares lost there and back, and G.107's burst ratio."""

    out: float
    back: float
    burst: float


@cache
def _weights(usual: Usual) -> tuple[float, float]:
    """Return what a lost and a received packet say about excess loss rather than the usual."""
    return (
        log(usual.excess / usual.loss),
        log((1 - usual.excess) / (1 - usual.loss)),
    )


def settle_losses(losses: Losses, arrived: Arrived, usual: Usual, at_s: float) -> Losses:
    """Return the evidence after one more measurement."""
    sums = losses.evidence
    packets, lost = arrived.out + arrived.back, arrived.lost_out + arrived.lost_in
    evidence = (
        _counted(sums[0], arrived.out, arrived.lost_out, usual, at_s),
        _counted(sums[1], arrived.back, arrived.lost_in, usual, at_s),
        _counted(sums[2], packets, lost, usual, at_s),
    )
    most = max(evidence[0].value, evidence[1].value, evidence[2].value)
    proven = most >= usual.evidence * (TAKEN_BACK if losses.proven else 1.0)
    return replace(losses, evidence=evidence, proven=proven)


def _counted(evidence: Evidence, packets: int, lost: int, usual: Usual, at_s: float) -> Evidence:
    """Return a cumulated sum after some packets, with how many they are since it was zero."""
    losing, received = _weights(usual)
    found = _gathered(evidence, lost * losing + (packets - lost) * received, usual, at_s)
    if not found.value:
        return found if found is evidence else NO_EVIDENCE
    return replace(found, packets=evidence.packets + packets, lost=evidence.lost + lost)


def _gathered(evidence: Evidence, more: float, usual: Usual, at_s: float) -> Evidence:
    """Return a cumulated sum after some packets; a grain begins with a loss."""
    if more <= 0:
        value, kept = max(0.0, evidence.value + more), max(0.0, evidence.kept + more)
        return (
            Evidence(value, kept, evidence.grain_s, evidence.gathered)
            if evidence.value
            else evidence
        )
    kept, start_s, gathered = evidence.kept, evidence.grain_s, evidence.gathered
    if at_s - start_s >= usual.grain_s:
        kept, start_s, gathered = evidence.value, at_s, 0.0
    gathered += more
    value = kept + min(gathered, PART * usual.evidence)
    return Evidence(min(value, MOST * usual.evidence), kept, start_s, gathered)


def loss_suspected(losses: Losses, usual: Usual) -> bool:
    """Return whether half of a proof has been gathered."""
    return any(evidence.value >= usual.evidence / 2 for evidence in losses.evidence)


def count_losses(losses: Losses, arrived: Arrived, at_s: float, pace_s: float) -> Losses:
    """Return the counts after one more measurement."""
    lost = arrived.lost_out + arrived.lost_in
    runs = int(lost > 0 and not losses.losing)
    buckets = losses.buckets
    last = buckets[-1] if buckets else None
    if last is None or at_s - last.start_s >= max(BUCKET_S, BUCKET_PACES * pace_s):
        last, buckets = Bucket(at_s), (*buckets[1 - BUCKETS :], Bucket(at_s))
    last = Bucket(
        last.start_s,
        last.out + arrived.out,
        last.lost_out + arrived.lost_out,
        last.back + arrived.back,
        last.lost_in + arrived.lost_in,
        last.runs + runs,
    )
    losing = lost > 0 and lost == arrived.out + arrived.back
    return Losses((*buckets[:-1], last), losses.evidence, losses.proven, losing)


def loss_shares(losses: Losses) -> Shares:
    """Return the shares lost of the packets in all buckets.

    When a loss is proven that began later than these, the share is that of the packets since then.
    The burst ratio is the mean length of runs of losses over what it would be were losses of the
    same share independent (ITU-T G.107, clause 3.2).
    """
    out = lost_out = back = lost_in = runs = 0
    for bucket in losses.buckets:
        out += bucket.out
        lost_out += bucket.lost_out
        back += bucket.back
        lost_in += bucket.lost_in
        runs += bucket.runs
    lost = lost_out + lost_in
    burst = lost / runs * (1 - lost / (out + back)) if runs else 1.0
    shares = Shares(
        lost_out / out if out else 0.0, lost_in / back if back else 0.0, max(1.0, burst)
    )
    return _since_it_began(losses, shares, out + back) if losses.proven else shares


def _since_it_began(losses: Losses, shares: Shares, packets: int) -> Shares:
    """Return the shares, but for a proven loss the one that proved it, if it began later."""
    there, home, _ = losses.evidence
    proof = max(losses.evidence, key=lambda evidence: evidence.value)
    if not 0 < proof.packets < packets:
        return shares
    share = proof.lost / proof.packets
    out = shares.out if proof is home else max(shares.out, share)
    back = shares.back if proof is there else max(shares.back, share)
    return replace(shares, out=out, back=back)
