"""A vtysh that shows everything and refuses every change, as a router with a broken parser would.

Laboratory only, standard library only. The gate puts it in the door's way when fault reject is
set on a router that bgpd itself has no reason to refuse.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

VTYSH: Final = "/usr/bin/vtysh"
# With these, vtysh reads or checks a file without applying it.
HARMLESS: Final = frozenset({"-m", "--markfile", "-C", "--dryrun"})


def changes(arguments: Sequence[str]) -> bool:
    """Return whether a command line would change the configuration."""
    if HARMLESS & set(arguments):
        return False
    words = (argument.split() for argument in arguments)
    return "-f" in arguments or any(word and word[0].startswith("conf") for word in words)


def main(arguments: Sequence[str]) -> int:
    """Refuse, or become vtysh."""
    if changes(arguments):
        sys.stdout.write(
            "% Can not configure this router: fault 'reject' is set in the laboratory\n"
        )
        return 1
    return _become_vtysh(arguments)


def _become_vtysh(arguments: Sequence[str]) -> NoReturn:
    os.execv(VTYSH, [VTYSH, *arguments])  # noqa: S606 - the arguments come from the door


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
