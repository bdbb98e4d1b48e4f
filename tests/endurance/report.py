"""What came of the calls of an endurance run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from tests.docs_page import DOCS, machine
from tests.endurance.schedule import Trouble

# From packet to packet 20 ms; concealment of speech is heard from about here (ITU-T G.711 App. I).
UNNOTICED_MS: Final = 150.0
MOST_LOST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its longest silence, what each direction lost, and the troubles that it met."""

    at_s: float
    silence_ms: float
    lost: tuple[int, ...]
    sent: int
    troubles: tuple[str, ...]

    @property
    def harmed(self) -> bool:
        """Return whether somebody noticed."""
        return self.silence_ms > UNNOTICED_MS or sum(self.lost) > MOST_LOST * self.sent

    def __str__(self) -> str:
        """Return the call in words."""
        met = "; ".join(self.troubles) or "nothing"
        word = "HARMED" if self.harmed else "whole"
        return (
            f"{self.at_s:6.0f} s {word}: silent {self.silence_ms:.0f} ms at most, "
            f"lost {self.lost} of {self.sent}; met {met}"
        )


def write(calls: Sequence[Call], troubles: Sequence[Trouble], seed: int) -> None:
    """Write what was measured into the documents' folder."""
    figures = {
        "machine": machine(),
        "seed": seed,
        "calls": len(calls),
        "troubles": len(troubles),
        "harmed": sum(call.harmed for call in calls),
        "longest_silence_ms": max(call.silence_ms for call in calls),
        "lost": sum(sum(call.lost) for call in calls),
        "sent": sum(call.sent for call in calls),
        "each": [asdict(call) for call in calls],
    }
    (DOCS / "bench" / "endurance.json").write_text(
        json.dumps(figures, indent=1) + "\n", encoding="utf-8"
    )
