"""Words for the person who waits."""

import sys
import time
from typing import Final

_START: Final = time.monotonic()


def say(text: str) -> None:
    """Tell what is being done, and how long it has been."""
    sys.stderr.write(f"{time.monotonic() - _START:5.0f} s  {text}\n")
