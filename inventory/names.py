"""What a name looks like, everywhere: in documents, on the command line, in lists, in a kernel."""

import re
from hashlib import sha256
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
HINT: Final = "use a-z, 0-9 and '-', at most 63 characters, beginning with a-z or 0-9"

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
