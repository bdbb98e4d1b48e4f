"""The command sanaga of an edge's own installation: its verbs, by the standard library."""

import sys
from typing import NoReturn

from edge.cli import plain

EDGE = "edge"


def main() -> NoReturn:
    """Run the command line of this process."""
    sys.exit(run_on_edge(sys.argv[1:]))


def run_on_edge(arguments: list[str]) -> int:
    """Run a verb of the edge and return its exit code."""
    if arguments == ["--version"]:
        from importlib.metadata import version

        print(f"sanaga {version('sanaga')}")
        return 0
    if arguments[:1] != [EDGE]:
        print(
            "sanaga: this installation is an edge's, which has 'sanaga edge' alone; all other "
            "verbs need the controller's wheel: pip install './sanaga-VERSION-py3-none-any.whl"
            "[server]'",
            file=sys.stderr,
        )
        return plain.USAGE
    from edge.cli.main import app

    return plain.run_verbs(app, arguments[1:], "sanaga edge")  # type: ignore[arg-type]
