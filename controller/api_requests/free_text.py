"""Free text in requests: one plain line, which no terminal obeys and which holds no key."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from inventory.free_text import CONTROL_OR_BREAK, KEY_FAULT, KEY_HINT, holds_key


def plain_line(text: str) -> str:
    """Return a text of one line. Raises ValueError for one with a character that is obeyed."""
    if found := CONTROL_OR_BREAK.search(text):
        raise ValueError(
            f"the text holds the control character U+{ord(found[0]):04X}; "
            "write it as one line of plain text"
        )
    return text


def _without_key(text: str) -> str:
    if holds_key(text):
        raise ValueError(f"{KEY_FAULT}; {KEY_HINT}")
    return text


PlainLine: TypeAlias = Annotated[str, AfterValidator(plain_line)]
FreeText: TypeAlias = Annotated[PlainLine, AfterValidator(_without_key)]
