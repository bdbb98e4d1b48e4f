"""How many examples a property test draws: few in the usual run, all of them before a release."""

import os
from typing import Final

from tools.run_tests import ALL_EXAMPLES

_SHARE: Final = 4


def examples(number: int) -> int:
    """Return a share of the number; all of it in make test-long."""
    return number if os.environ.get(ALL_EXAMPLES) else max(1, number // _SHARE)  # noqa: TID251
