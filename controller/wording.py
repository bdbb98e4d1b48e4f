"""Numbers with their nouns and lists of names, as sentences have them."""

from collections.abc import Sequence


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun in the right form, such as '1 site' or '429 sites'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listing(names: Sequence[str], *, most: int = 8, joint: str = "and") -> str:
    """Return names as a sentence has them, the tail of a long list counted."""
    if len(names) > most:
        return f"{', '.join(names[:most])} {joint} {len(names) - most:,} more"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} {joint} {names[-1]}"
    return names[0] if names else "none"
