"""What verbs are declared with: typer, or our stand-ins on an edge, where typer is not installed.

Typer draws rich and pygments, which are a third of all that an edge would carry.
"""

try:
    from typer import Argument, BadParameter, Option, Typer
except ModuleNotFoundError:
    from edge.cli.plain_verbs import (  # type: ignore[assignment,no-redef]
        Argument,
        BadParameter,
        Option,
    )
    from edge.cli.plain_verbs import VerbGroup as Typer  # type: ignore[assignment]

__all__ = ["Argument", "BadParameter", "Option", "Typer"]
