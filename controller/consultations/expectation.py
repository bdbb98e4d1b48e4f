"""Quality to expect of a consultation, from the ways that are left between its sites."""

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Final

from controller.consultations.model import Expectation, Quality
from controller.incidents.sentences import Language
from topology.build import LAN_PREFIX
from topology.model import Path, Topology
from topology.paths import disjoint_paths, without_failed
from topology.quality.emodel import END_SYSTEM_MS, mos, r_factor

# A playout buffer waits for late packets; the same in both directions.
_BUFFER_MS: Final = 40.0
_ROUND: Final = 2
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: {
        "over": "{a} to {b} over {circuits}: {delay:.0f} ms one way",
        "rate": "{rate:g} Mbit/s at the narrowest",
        Quality.VIDEO: "enough for picture and sound",
        Quality.AUDIO: "enough for sound alone",
        Quality.STORE_AND_FORWARD: "not enough for sound",
        "joint": "; ",
        "second": "another way is ready",
        "alone": "there is no second way if this one fails",
    },
    Language.FRENCH: {
        "over": "de {a} à {b} par {circuits} : {delay:.0f} ms dans un sens",
        "rate": "{rate:g} Mbit/s au plus étroit",
        Quality.VIDEO: "assez pour l'image et le son",
        Quality.AUDIO: "assez pour le son seul",
        Quality.STORE_AND_FORWARD: "pas assez pour le son",
        "joint": " ; ",
        "second": "un autre chemin est prêt",
        "alone": "il n'y a pas de deuxième chemin si celui-ci tombe",
    },
}


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
        return Expectation(
            Quality.STORE_AND_FORWARD,
            protected=False,
            ways=0,
            mos=None,
            delay_ms=None,
            because=f"no way is left between {a} and {b}; exchange documents, call again later",
            because_fr=f"il ne reste aucun chemin entre {a} et {b} ; échanger des documents, "
            "rappeler plus tard",
        )
    best = max(ways, key=lambda way: (_quality(way, needs_mbps) is Quality.VIDEO, -way.delay_ms))
    quality, delay_ms = _quality(best, needs_mbps), best.delay_ms
    score = round(mos(r_factor(delay_ms + END_SYSTEM_MS + _BUFFER_MS, best.loss)), _ROUND)
    kept = [way for way in ways if _quality(way, needs_mbps) is not Quality.STORE_AND_FORWARD]
    because, because_fr = (
        _because((a, b), best, len(kept), quality, language)
        for language in (Language.ENGLISH, Language.FRENCH)
    )
    return Expectation(
        quality,
        protected=len(kept) > 1,
        ways=len(ways),
        mos=score,
        delay_ms=round(delay_ms, 1),
        because=because,
        because_fr=because_fr,
    )


def _quality(way: Path, needs_mbps: Mapping[Quality, float]) -> Quality:
    for quality in (Quality.VIDEO, Quality.AUDIO):
        if way.rate_mbps >= needs_mbps[quality]:
            return quality
    return Quality.STORE_AND_FORWARD


def _because(
    ends: tuple[str, str], best: Path, kept: int, quality: Quality, language: Language
) -> str:
    words = _WORDS[language]
    circuits = ", ".join(name for name in best.links if not name.startswith(LAN_PREFIX))
    over = words["over"].format(a=ends[0], b=ends[1], circuits=circuits, delay=best.delay_ms)
    rate = words["rate"].format(rate=best.rate_mbps)
    second = words["second" if kept > 1 else "alone"]
    return f"{over}, {rate}, {words[quality]}{words['joint']}{second}"


def _alone(sites: Collection[str]) -> Expectation:
    there = ", ".join(sites)
    return Expectation(
        Quality.VIDEO,
        protected=True,
        ways=0,
        mos=round(mos(r_factor(END_SYSTEM_MS + _BUFFER_MS, 0.0)), _ROUND),
        delay_ms=0.0,
        because=f"all parties are at {there}; the call does not leave the site",
        because_fr=f"tous sont à {there} ; l'appel ne quitte pas le site",
    )


def _rank(expectation: Expectation) -> tuple[int, bool, float]:
    order = (Quality.STORE_AND_FORWARD, Quality.AUDIO, Quality.VIDEO)
    return order.index(expectation.quality), expectation.protected, expectation.mos or 0.0
