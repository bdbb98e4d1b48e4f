"""The command sanaga: all verbs, or where typer is not installed, those of the edge."""

from importlib.util import find_spec
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process."""
    if find_spec("typer") is None:
        from edge.cli.alone import main as run_edge

        run_edge()
    from controller.cli.main import main as run_all

    run_all()


if __name__ == "__main__":
    main()
