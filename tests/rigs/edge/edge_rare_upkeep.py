"""An edge's daemon whose upkeep runs every ten minutes, unless something wakes it.

'python -m tests.rigs.edge.edge_rare_upkeep FOLDER'.
"""

import sys
from dataclasses import replace
from typing import Any

from edge import main as daemon
from edge.agent import tasks

RARELY_S = 600.0


def main() -> int:
    """Run the daemon and return its exit code."""
    rarely: Any = tuple(
        replace(task, interval_s=lambda _: RARELY_S) if task.name == "upkeep" else task
        for task in tasks.TASKS
    )
    tasks.TASKS = rarely  # type: ignore[misc]
    return daemon.main([sys.argv[1]])


if __name__ == "__main__":
    sys.exit(main())
