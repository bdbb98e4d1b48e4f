"""An edge's daemon with a time of day that a test moves.

'python -m tests.rigs.edge.edge_jumping FOLDER FILE':
FILE holds by how many seconds the time of day is off, a double. What the kernel writes on packets
jumps along, as it would if an administrator or NTP stepped the clock of the machine.
"""

import mmap
import struct
import sys
import time
from pathlib import Path
from typing import Any

OFFSET = struct.Struct("=d")


class Stamps:
    """The kernel's stamps of packets, moved along with the clock."""

    def __init__(self, true: struct.Struct, offset: mmap.mmap) -> None:
        self.true = true
        self.offset = offset

    def unpack(self, octets: bytes) -> tuple[int, int]:
        seconds, nanoseconds = self.true.unpack(octets)
        return seconds + int(OFFSET.unpack_from(self.offset)[0]), nanoseconds


def main() -> int:
    """Run the daemon and return its exit code."""
    with Path(sys.argv[2]).open("r+b") as file:
        offset = mmap.mmap(file.fileno(), OFFSET.size)
    true = time.time
    time.time = lambda: true() + OFFSET.unpack_from(offset)[0]
    # Only now: what the daemon asks the time by is bound when its modules are loaded.
    from edge import main as daemon  # noqa: PLC0415
    from edge.probes import udp_socket  # noqa: PLC0415

    moved: Any = Stamps(udp_socket._TIMESPEC, offset)
    udp_socket._TIMESPEC = moved  # type: ignore[misc]
    return daemon.main([sys.argv[1]])


if __name__ == "__main__":
    sys.exit(main())
