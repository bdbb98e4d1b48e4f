"""The command sanaga: all verbs, or on an edge, where typer is not installed, those of the edge."""

import sys
from importlib.util import find_spec
from typing import NoReturn

EDGE = "edge"


def main() -> NoReturn:
    """Run the command line of this process."""
    if find_spec("typer") is None:
        sys.exit(run_on_edge(sys.argv[1:]))
    from controller.cli.main import main as run_all

    run_all()


def run_on_edge(arguments: list[str]) -> int:
    """Run a verb of the edge by the standard library, and return its exit code."""
    from edge.cli import plain
    from edge.cli.main import app

    if arguments == ["--version"]:
        from importlib.metadata import version

        print(f"sanaga {version('sanaga')}")
        return 0
    if arguments[:1] != [EDGE]:
        print(
            "sanaga: this installation is an edge's, which has 'sanaga edge' alone; all other "
            "verbs need: pip install 'sanaga[server]'",
            file=sys.stderr,
        )
        return plain.USAGE
    return plain.run_verbs(app, arguments[1:], "sanaga edge")  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
