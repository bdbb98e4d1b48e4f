"""YAML of other tools as plain values: YAML 1.2 as Nornir reads it, YAML 1.1 as Ansible does."""

import re
from collections.abc import Hashable
from typing import Any, Final

import yaml

from inventory.documents.yaml_bounds import require_bounded
from inventory.errors import Fault, IntentError, Location

_TAG: Final = "tag:yaml.org,2002:"


class Opaque:
    """A value with a tag of its own, such as !vault; what is in it is not looked at."""

    __slots__ = ()


OPAQUE: Final = Opaque()


class _Ansible(yaml.CSafeLoader):
    """YAML 1.1, in which 'yes' is true; later keys win, as Ansible has it."""


_RULES: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (
        "float",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    (
        "int",
        r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+",
        "-+0123456789",
    ),
    (
        "timestamp",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}"
        r":[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?",
        "0123456789",
    ),
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return the rules by the first character of what they are for, as PyYAML wants them."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, pattern, starts in _RULES:
        for start in starts:
            found.setdefault(start, []).append((f"{_TAG}{name}", re.compile(f"(?:{pattern})$")))
    return found


class _Nornir(yaml.CSafeLoader):
    """YAML 1.2 in the dialect of ruamel.yaml, in which 'yes' and '1:30' are words."""

    yaml_implicit_resolvers: Any = _resolvers()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        """Return a mapping; raises ConstructorError for a key that is written twice."""
        written = [child for child, _ in node.value if isinstance(child, yaml.ScalarNode)]
        seen: set[tuple[str, str]] = set()
        for key in written:
            if (key.tag, key.value) in seen and not key.tag.endswith("merge"):
                what = f"the key {key.value[:40]!r} is written twice"
                raise yaml.constructor.ConstructorError(None, None, what, key.start_mark)
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)


def _int(_: Any, node: yaml.ScalarNode) -> object:
    """Return a whole number of YAML 1.2, or the text if it is none after all."""
    text = str(node.value).replace("_", "")
    sign, digits = (-1 if text[:1] == "-" else 1), text.lstrip("+-")
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10)
    try:
        return sign * int(digits[0 if base == 10 else 2 :], base)
    except ValueError:
        return str(node.value)


def _opaque(_: Any, _tag: str, node: yaml.Node) -> object:
    return str(node.value) if node.tag == "!unsafe" else OPAQUE


_Nornir.add_constructor(f"{_TAG}int", _int)
for _loader in (_Ansible, _Nornir):
    _loader.add_multi_constructor("!", _opaque)


def read_nornir_yaml(file: str, text: str) -> object:
    """Return what Nornir reads of a text; raises IntentError for what is not YAML."""
    return _read(file, text, _Nornir)


def read_ansible_yaml(file: str, text: str) -> object:
    """Return what Ansible reads of a text; raises IntentError for what is not YAML."""
    return _read(file, text, _Ansible)


def _read(file: str, text: str, loader: type[yaml.CSafeLoader]) -> object:
    try:
        require_bounded(file, text, loader)
        return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
        what = f"this is not YAML: {error.problem or 'it cannot be read'}"
        raise IntentError([Fault(where, what, "correct the syntax")]) from error
    # A day that does not exist, a number of a million digits, a control character, ...
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, ArithmeticError) as error:
        fault = Fault(Location(file), "this is not YAML", "correct the syntax")
        raise IntentError([fault]) from error
