"""Verbs as values, declared with the words of typer that an edge's verbs use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Verb = TypeVar("Verb", bound=Callable[..., None])


class BadParameter(Exception):  # noqa: N818 - as typer calls it
    """A value on the command line makes no sense; the text says which and what would."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument, which has no names."""

    positional: bool
    names: tuple[str, ...] = ()
    metavar: str | None = None
    help: str = ""
    min: int | None = None
    max: int | None = None
    exists: bool = False


@dataclass(frozen=True, slots=True)
class PlainVerb:
    """What to call, and the example below its help."""

    act: Callable[..., None]
    epilog: str


@dataclass(slots=True)
class VerbGroup:
    """Verbs and groups of verbs by name."""

    help: str = ""
    no_args_is_help: bool = True
    add_completion: bool = False
    verbs: "dict[str, PlainVerb | VerbGroup]" = field(default_factory=dict)

    def command(self, name: str | None = None, *, epilog: str = "") -> Callable[[Verb], Verb]:
        """Return what makes a function a verb of that name, or of its own."""

        def declare(act: Verb) -> Verb:
            self.verbs[name or act.__name__] = PlainVerb(act, epilog)
            return act

        return declare

    def add_typer(self, group: "VerbGroup", *, name: str) -> None:
        """Take a group of verbs in."""
        self.verbs[name] = group


def Option(*names: str, **said: Any) -> Parameter:  # noqa: N802 - as typer calls it
    """Return an option; without names it has the parameter's own."""
    return _parameter(names, said, positional=False)


def Argument(**said: Any) -> Parameter:  # noqa: N802 - as typer calls it
    """Return an argument."""
    return _parameter((), said, positional=True)


def _parameter(names: tuple[str, ...], said: dict[str, Any], *, positional: bool) -> Parameter:
    # What else is said is about typer's own help.
    known = {key: value for key, value in said.items() if key in Parameter.__dataclass_fields__}
    return Parameter(positional, names, **known)
