"""How long verbs take to begin: whole processes, the records of the state folder made before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench.measure import Figure, figure, sanaga

# Seconds for what needs no database, and for what does.
BARE_S: Final = 0.2
RECORDS_S: Final = 0.4
_VERBS: Final = (
    (("--help",), BARE_S),
    (("backup", "list"), BARE_S),
    (("history",), RECORDS_S),
    (("vpn", "audit"), RECORDS_S),
)


def start_up(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a figure for each verb."""
    state = folder / "start-up"
    sanaga("history", state=state)
    for words, limit in _VERBS:
        took = [sanaga(*words, state=state) for _ in range(runs)]
        yield figure(f"sanaga {' '.join(words)}", took, limit)
