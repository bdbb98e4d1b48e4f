"""What is wrong with a value, and what to write instead, in plain words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from inventory.free_text import quoted
from inventory.names import closest_name

Words: TypeAlias = tuple[str, str]

_CUSTOM: Final = "fault"
# Errors about a key rather than about its value.
KEY_FAULTS: Final = frozenset({"extra_forbidden"})
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
}
_EXAMPLES: Final[Mapping[type, str]] = {
    bool: "true",
    int: "1",
    float: "1.5",
    str: "a text",
    list: "[...]",
    tuple: "[...]",
    dict: "{...}",
}


@dataclass(frozen=True, slots=True)
class Misread:
    """Why a text is no sentence, and what to write instead."""

    what: str
    hint: str


def refuse_value(what: str, hint: str) -> PydanticCustomError:
    """Return the error that a validator raises to word its own fault."""
    # Pydantic formats the message with the context; both texts travel there untouched.
    return PydanticCustomError(_CUSTOM, "{what}", {"what": what, "hint": hint})


def validation_messages(
    detail: ErrorDetails, shape: type[BaseModel] | None, noun: str, examples: Mapping[str, str]
) -> Words:
    """Return what is wrong and what to write for one validation error.

    shape is the document the value was read as, noun what an entry is called, and examples
    replace the example of a key given by its dotted path.
    """
    return _Wording(detail, shape, noun, examples).words()


def follows(detail: ErrorDetails) -> bool:
    """Return whether an error only follows from others: a list too short for its bad items."""
    value, context = detail["input"], detail.get("ctx", {})
    return detail["type"] == "too_short" and len(value) >= context["min_length"]


class _Wording:
    """One validation error on its way to a sentence."""

    def __init__(
        self,
        detail: ErrorDetails,
        shape: type[BaseModel] | None,
        noun: str,
        examples: Mapping[str, str],
    ) -> None:
        self.type = detail["type"]
        self.value = detail["input"]
        self.context: Mapping[str, Any] = detail.get("ctx", {})
        self.path = tuple(step for step in detail["loc"] if step != "[key]")
        self.is_key = "[key]" in detail["loc"]
        self.shape = shape
        self.noun = noun
        self.key = ".".join(step for step in self.path if isinstance(step, str))
        self.examples = examples

    def words(self) -> Words:
        """Return what is wrong and what to write."""
        if self.type == _CUSTOM:
            return str(self.context["what"]), str(self.context["hint"])
        if self.type in _EXPECTED:
            return self._wrong_type()
        special: Mapping[str, Callable[[], Words]] = {
            "missing": self._missing,
            "extra_forbidden": self._unknown_key,
            "enum": self._unknown_word,
            "literal_error": self._unknown_word,
            "finite_number": lambda: (f"{self.name} is not a finite number", self._write()),
            "string_pattern_mismatch": self._pattern,
            "string_too_long": lambda: self._length("max_length", "at most", "characters"),
            "string_too_short": lambda: self._length("min_length", "at least", "characters"),
            "too_long": lambda: self._length("max_length", "at most", "items"),
            "too_short": lambda: self._length("min_length", "at least", "items"),
        }
        if self.type in special:
            return special[self.type]()
        if self.value is None:
            return self._wrong_type()
        return self._out_of_range() if self.type.startswith(("greater", "less")) else self._other()

    @property
    def name(self) -> str:
        """Return what the sentence is about."""
        if not self.path:
            return self.noun
        if isinstance(self.path[-1], int):
            return f"item {self.path[-1] + 1} of {self.key}" if self.key else self.noun
        return self.key

    def _missing(self) -> Words:
        owner = ".".join(step for step in self.path[:-1] if isinstance(step, str)) or self.noun
        return f"{owner} lacks '{self.path[-1]}'", f"add '{self._line()}'"

    def _unknown_key(self) -> Words:
        key = str(self.path[-1])
        owner = ".".join(s for s in self.path[:-1] if isinstance(s, str)) or self.noun
        keys = list(self._model(self.path[:-1]))
        return f"unknown key {quoted(key)} in {owner}", closest_name(key, keys, "keys")

    def _unknown_word(self) -> Words:
        known = re.findall(r"'([^']*)'", str(self.context.get("expected", "")))
        if not isinstance(self.value, str):
            return f"{self.name} is {_kind(self.value)}", f"write one of {', '.join(known)}"
        what = f"unknown {self.name} {quoted(self.value)}"
        if self.is_key:
            what = f"unknown key {quoted(self.value)} in {self.key.rpartition('.')[0]}"
        return what, closest_name(self.value, known, "words")

    def _wrong_type(self) -> Words:
        expected = _EXPECTED.get(self.type, "a value")
        if self.value is None:
            return f"{self.name} is empty", self._write()
        what = f"{self.name} is {_kind(self.value)} where {expected} is expected"
        if expected == "a text" and isinstance(self.value, bool | int | float):
            return what, "put the value between quotes"
        if expected == "true or false" and self.path:
            return what, f"write '{self.path[-1]}: true' or '{self.path[-1]}: false'"
        if "number" in expected and isinstance(self.value, str) and _is_number(self.value):
            return what, "remove the quotes"
        return what, self._write()

    def _out_of_range(self) -> Words:
        return f"{self.name} is {quoted(self.value)[1:-1]}, out of range", self._range()

    def _pattern(self) -> Words:
        pattern = self.context.get("pattern", "")
        return f"{self.name} {quoted(self.value)} is not of the form {pattern}", self._write()

    def _length(self, limit: str, bound: str, unit: str) -> Words:
        count = len(self.value) if hasattr(self.value, "__len__") else 0
        what = f"{self.name} has {count} {unit}"
        return what, f"write {bound} {self.context.get(limit)}"

    def _other(self) -> Words:
        return f"{self.name} cannot be used as it is", self._write()

    def _range(self) -> str:
        """Return the bounds of the field, or the one that was broken."""
        bounds = dict(self.context)
        for constraint in _constraints(self._field()):
            for kind in (Ge, Gt, Le, Lt):
                if isinstance(constraint, kind):
                    bounds[kind.__name__.lower()] = getattr(constraint, kind.__name__.lower())
        words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
        said = [f"{text} {bounds[key]}" for key, text in words.items() if key in bounds]
        return f"write {' and '.join(said)}" if said else self._write()

    def _write(self) -> str:
        if self.path:
            return f"write '{self._line()}'"
        return "write keys and values, such as 'name: ...'" if self.shape else "write a sentence"

    def _line(self) -> str:
        """Return the key with an example value."""
        last = next((step for step in reversed(self.path) if isinstance(step, str)), "")
        return f"{last}: {self._example()}"

    def _example(self) -> str:
        if self.key in self.examples:
            return self.examples[self.key]
        field = self._field()
        if field and field.examples:
            return str(field.examples[0])
        return _EXAMPLES.get(_plain(field.annotation), "...") if field else "..."

    def _field(self) -> FieldInfo | None:
        """Return the field that the path leads to."""
        names = [i for i, step in enumerate(self.path) if isinstance(step, str)]
        for end in reversed(names):
            fields = self._model(self.path[:end])
            if (found := fields.get(str(self.path[end]))) is not None:
                return found
        return None

    def _model(self, path: Sequence[str | int]) -> Mapping[str, FieldInfo]:
        """Return the fields of the document that a path leads to."""
        shape: object = self.shape
        for step in path:
            fields = _fields(shape)
            if isinstance(step, str) and step in fields:
                shape = _plain(fields[step].annotation, inside=True)
        return _fields(shape)


def _fields(shape: object) -> Mapping[str, FieldInfo]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return shape.model_fields
    return {}


def _constraints(field: FieldInfo | None) -> Iterator[object]:
    """Yield the bounds of a field, also of one that may be left out."""
    if field is None:
        return
    yield from field.metadata
    for argument in get_args(field.annotation):
        for extra in getattr(argument, "__metadata__", ()):
            yield from getattr(extra, "metadata", ())


def _plain(annotation: object, *, inside: bool = False) -> Any:
    """Return the type of an annotation without None and metadata, or the type of its items."""
    origin = get_origin(annotation)
    arguments = [a for a in get_args(annotation) if a is not NoneType and a is not Ellipsis]
    if origin in (Union, UnionType, Annotated):
        return _plain(arguments[0], inside=inside)
    if origin is Literal or origin is None:
        return annotation
    return _plain(arguments[-1], inside=True) if inside and arguments else origin


def _kind(value: object) -> str:
    """Return what a value of YAML is called."""
    if isinstance(value, bool):
        return "true or false"
    names = {int: "a whole number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a mapping" if isinstance(value, dict) else "empty")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
