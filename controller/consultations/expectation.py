"""Quality to expect of a consultation, from the ways that are left between its sites."""

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Final

from controller.consultations.model import Expectation, Quality
from topology.build import LAN_PREFIX
from topology.model import Path, Topology
from topology.paths import disjoint_paths, without_failed
from topology.quality.emodel import END_SYSTEM_MS, mos, r_factor

# A playout buffer waits for late packets; the same in both directions.
_BUFFER_MS: Final = 40.0
_ROUND: Final = 2


def expect_quality(
    topology: Topology,
    sites: Collection[str],
    dead: Collection[str],
    needs_mbps: Mapping[Quality, float],
) -> Expectation:
    """Return what to expect between sites while some circuits are dead.

    needs_mbps is what one session of sound, and of sound with a picture, takes in each direction.
    The worst pair of sites decides.
    """
    left = without_failed(topology, [name for name in dead if name in topology.links])
    pairs = combinations(sorted(set(sites)), 2)
    found = [_between(left, a, b, needs_mbps) for a, b in pairs]
    return min(found, key=_rank) if found else _alone(sites)


def _between(
    topology: Topology, a: str, b: str, needs_mbps: Mapping[Quality, float]
) -> Expectation:
    ways = disjoint_paths(topology, a, b, by="link")
    if not ways:
        because = f"no way is left between {a} and {b}; exchange documents, call again later"
        return Expectation(
            Quality.STORE_AND_FORWARD,
            protected=False,
            ways=0,
            mos=None,
            delay_ms=None,
            because=because,
        )
    best = max(ways, key=lambda way: (_quality(way, needs_mbps) is Quality.VIDEO, -way.delay_ms))
    quality, delay_ms = _quality(best, needs_mbps), best.delay_ms
    score = round(mos(r_factor(delay_ms + END_SYSTEM_MS + _BUFFER_MS, best.loss)), _ROUND)
    kept = [way for way in ways if _quality(way, needs_mbps) is not Quality.STORE_AND_FORWARD]
    because = _because(a, b, best, len(kept), quality)
    return Expectation(
        quality,
        protected=len(kept) > 1,
        ways=len(ways),
        mos=score,
        delay_ms=round(delay_ms, 1),
        because=because,
    )


def _quality(way: Path, needs_mbps: Mapping[Quality, float]) -> Quality:
    for quality in (Quality.VIDEO, Quality.AUDIO):
        if way.rate_mbps >= needs_mbps[quality]:
            return quality
    return Quality.STORE_AND_FORWARD


def _because(a: str, b: str, best: Path, kept: int, quality: Quality) -> str:
    circuits = ", ".join(name for name in best.links if not name.startswith(LAN_PREFIX))
    over = f"{a} to {b} over {circuits}: {best.delay_ms:.0f} ms one way"
    rate = f"{best.rate_mbps:g} Mbit/s at the narrowest"
    held = {
        Quality.VIDEO: "enough for picture and sound",
        Quality.AUDIO: "enough for sound alone",
        Quality.STORE_AND_FORWARD: "not enough for sound",
    }[quality]
    second = "another way is ready" if kept > 1 else "there is no second way if this one fails"
    return f"{over}, {rate}, {held}; {second}"


def _alone(sites: Collection[str]) -> Expectation:
    because = f"all parties are at {', '.join(sites)}; the call does not leave the site"
    score = round(mos(r_factor(END_SYSTEM_MS + _BUFFER_MS, 0.0)), _ROUND)
    return Expectation(
        Quality.VIDEO, protected=True, ways=0, mos=score, delay_ms=0.0, because=because
    )


def _rank(expectation: Expectation) -> tuple[int, bool, float]:
    order = (Quality.STORE_AND_FORWARD, Quality.AUDIO, Quality.VIDEO)
    return order.index(expectation.quality), expectation.protected, expectation.mos or 0.0
