"""A random schedule of troubles, the same for the same seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inventory.model import CircuitName

REST_S: Final = (15.0, 45.0)
LASTS_S: Final = (5.0, 60.0)
# A second trouble begins so long after the first: what carries calls has moved by then.
APART_S: Final = 10.0
SECOND_SHARE: Final = 0.4


class Kind(StrEnum):
    """What befalls a circuit."""

    CUT = "cut"
    HOLE = "black hole"
    ONE_WAY = "one-way hole"
    BROWN_OUT = "brown-out"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls a circuit and when, in seconds from the beginning."""

    circuit: CircuitName
    kind: Kind
    at_s: float
    until_s: float

    def __str__(self) -> str:
        """Return the trouble in words."""
        return f"{self.circuit}: {self.kind} from {self.at_s:.0f} s to {self.until_s:.0f} s"


def random_troubles(
    circuits: Sequence[CircuitName], seconds: float, seed: int
) -> Iterator[Trouble]:
    """Yield troubles in the order of their beginnings, at most two at a time.

    A circuit that is named several times is hit so much more often.
    """
    chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
    now_s = chance.uniform(*REST_S)
    while now_s + LASTS_S[1] + APART_S < seconds:
        one = chance.choice(circuits)
        other = chance.choice([name for name in circuits if name != one])
        first = _trouble(chance, one, now_s)
        yield first
        last_s = first.until_s
        if chance.random() < SECOND_SHARE:
            second = _trouble(chance, other, now_s + APART_S)
            yield second
            last_s = max(last_s, second.until_s)
        now_s = last_s + chance.uniform(*REST_S)


def _trouble(chance: random.Random, circuit: CircuitName, at_s: float) -> Trouble:
    return Trouble(circuit, chance.choice(list(Kind)), at_s, at_s + chance.uniform(*LASTS_S))
