"""What a name looks like, everywhere: in documents, on the command line, in lists, in a kernel."""

import difflib
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
HINT: Final = "use a-z, 0-9 and '-', at most 63 characters, beginning with a-z or 0-9"

_MANY: Final = 200
# A hint lists this many names.
_FEW: Final = 20
# What interfaces that people dial are called, after what says whose they are.
PEOPLE: Final = "people"


def is_name(text: str) -> bool:
    """Return whether a text can be a name."""
    return bool(_NAME.fullmatch(text))


def interface_name(network: str, device: str, suffix: str) -> str:
    """Return the name of an interface of ours: another one on every device of every network.

    Interfaces have at most 15 characters, of which suffix may have 7.
    """
    return f"sg{sha256(f'{network}/{device}'.encode()).hexdigest()[:5]}-{suffix}"


def nearest_names(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like a word, if one does."""
    names = sorted(set(known))
    if len(names) > _MANY:
        names = [n for n in names if n[:2] == word[:2] or n[-3:] == word[-3:]]
    return next(iter(difflib.get_close_matches(word[:100], names, n=1)), None)


def closest_name(word: str, known: Sequence[str], plural: str) -> str:
    """Return a hint with the closest known word and the list of them."""
    near = nearest_names(word, known) or nearest_names(word.lower(), known)
    listed = f"the {plural} are {', '.join(known)}"
    return f"did you mean '{near}'? {listed}" if near else listed


def known_names(word: str, known: Sequence[str], plural: str) -> str:
    """Return what to write instead of a wrong name; long lists are only hinted at."""
    if not known:
        return f"no {plural} are declared"
    if len(known) <= _FEW:
        return closest_name(word, known, plural)
    near = nearest_names(word, known)
    return f"did you mean '{near}'?" if near else f"write one of the {len(known)} {plural} declared"
