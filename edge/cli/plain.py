"""The command line of an edge without typer: the same verbs, by the standard library."""

import sys
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence
from enum import Enum
from inspect import Parameter as Signed
from inspect import getdoc, signature
from pathlib import Path
from types import NoneType
from typing import Any, Final, NoReturn, get_args, get_type_hints

from edge.cli.plain_verbs import BadParameter, Parameter, PlainVerb, VerbGroup
from inventory.errors import SanagaError

ERROR: Final = 1
USAGE: Final = 64
INTERRUPTED: Final = 130
CLOSED: Final = 141
_ACT: Final = "act of the verb"


class _Parser(ArgumentParser):
    """A parser that ends with our code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n{self.format_usage()}")


def run_verbs(group: VerbGroup, arguments: Sequence[str], program: str) -> int:
    """Run one command line; whatever goes wrong becomes a message and an exit code."""
    parser = _Parser(program, description=group.help, allow_abbrev=False)
    _fill(parser, group)
    given = vars(parser.parse_args(list(arguments)))
    act = given.pop(_ACT)
    try:
        act(**given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at exit, which would fail again.
        sys.stdout = None
        return CLOSED
    except KeyboardInterrupt:
        return _ended("interrupted", INTERRUPTED)
    except BadParameter as error:
        return _ended(str(error), USAGE)
    except SanagaError as error:
        return _ended(str(error), ERROR)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        return _ended(f"{about}{error.strerror or error}", ERROR)
    return 0


def _ended(message: str, code: int) -> int:
    print(f"sanaga: {message}", file=sys.stderr)
    return code


def _fill(parser: ArgumentParser, group: VerbGroup) -> None:
    """Give a parser the verbs of a group."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb in group.verbs.items():
        if isinstance(verb, VerbGroup):
            below = verbs.add_parser(name, help=verb.help, description=verb.help)
            _fill(below, verb)
        else:
            _add_verb(verbs, name, verb)


def _add_verb(verbs: Any, name: str, verb: PlainVerb) -> None:
    said = getdoc(verb.act) or ""
    parser = verbs.add_parser(
        name,
        help=said.partition("\n")[0],
        description=said,
        epilog=verb.epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    hints = get_type_hints(verb.act, include_extras=True)
    for parameter in signature(verb.act).parameters.values():
        _add_parameter(parser, parameter, hints[parameter.name])
    parser.set_defaults(**{_ACT: verb.act})


def _add_parameter(parser: ArgumentParser, parameter: Signed, hint: Any) -> None:
    said: Parameter
    kind, said = get_args(hint)
    kinds = [one for one in get_args(kind) or (kind,) if one is not NoneType]
    required = parameter.default is Signed.empty
    more: dict[str, Any] = {"help": said.help, "default": None if required else parameter.default}
    if kinds == [bool]:
        names = [name for name in _names(parameter, said) if not name.startswith("--no-")]
        off = BooleanOptionalAction if "/" in "".join(said.names) else "store_true"
        parser.add_argument(*names, action=off, dest=parameter.name, **more)
        return
    more["type"], more["metavar"] = _reader(kinds[0], said), said.metavar
    if issubclass(kinds[0], Enum):
        more["metavar"] = "|".join(kinds[0])
    if said.positional:
        parser.add_argument(parameter.name, nargs=None if required else "?", **more)
    else:
        names = _names(parameter, said)
        parser.add_argument(*names, dest=parameter.name, required=required, **more)


def _names(parameter: Signed, said: Parameter) -> list[str]:
    return [part for name in said.names for part in name.split("/")] or [
        f"--{parameter.name.replace('_', '-')}"
    ]


def _reader(kind: Any, said: Parameter) -> Any:
    """Return what makes a value of a word; what it refuses is wrong usage."""

    def read(word: str) -> Any:
        value = kind(word)
        if isinstance(value, int):
            least, most = said.min or 0, said.max or value
            if not least <= value <= most:
                raise ValueError
        if isinstance(value, Path) and said.exists and not value.is_file():
            raise ArgumentTypeError(f"{value}: there is no such file")
        return value

    read.__name__ = kind.__name__.lower()
    return read
