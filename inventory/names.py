"""What a name may look like, everywhere: in documents, on the command line, in lists."""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
HINT: Final = "use a-z, 0-9 and '-', at most 63 characters, beginning with a-z or 0-9"


def is_name(text: str) -> bool:
    """Return whether a text can be a name."""
    return bool(_NAME.fullmatch(text))
