"""Which peers a consultation is going on with, told by what the care tunnel carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

PublicKey: TypeAlias = str

# Silent sound still sends more than this; keys and keepalives of the tunnel itself send less.
LEAST_OCTETS_PER_S: Final = 400.0
# A pause, a muted microphone or a page being turned does not end a consultation.
LASTS_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What the care tunnel has carried to and from one peer by some instant."""

    at_s: float
    octets: int


@dataclass(frozen=True, slots=True)
class Listening:
    """What was carried at the last look, and until when each peer counts as consulting."""

    carried: Mapping[PublicKey, Carried]
    until_s: Mapping[PublicKey, float]

    def live(self, now_s: float) -> frozenset[PublicKey]:
        """Return the peers that a consultation is going on with."""
        return frozenset(key for key, until_s in self.until_s.items() if until_s > now_s)


NOTHING: Final = Listening({}, {})


def heard(listening: Listening, octets: Mapping[PublicKey, int], now_s: float) -> Listening:
    """Return what is known after another look at the care tunnel's counters."""
    until_s = {key: until for key, until in listening.until_s.items() if until > now_s}
    for key, count in octets.items():
        before = listening.carried.get(key)
        if before and _busy(before, count, now_s):
            until_s[key] = now_s + LASTS_S
    return Listening({key: Carried(now_s, count) for key, count in octets.items()}, until_s)


def _busy(before: Carried, octets: int, now_s: float) -> bool:
    grown, took_s = octets - before.octets, now_s - before.at_s
    return took_s > 0 and grown >= LEAST_OCTETS_PER_S * took_s
