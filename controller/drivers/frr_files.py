"""What an FRR router gets of us, as two files: its door, and the program of its packet filter.

The door is a zip archive that Python runs, of the package `controller.frr_door` as it is here: one
file, so that a router has all of one version or all of another.
"""

from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

import controller
from controller import frr_door
from controller.drivers import frr_filter
from inventory.output_file import replace_file

DOOR: Final = "sanaga-frr-door"
FILTER: Final = "sanaga-frr-filter"
_RUNNABLE: Final = 0o755
_SHEBANG: Final = b"#!/usr/bin/python3 -IS\n"
_START: Final = """\
import os
import sys

from controller.frr_door.main import main

sys.exit(main(sys.argv[1:], os.environ.get("SSH_ORIGINAL_COMMAND", "")))
"""


def door_archive() -> bytes:
    """Return the door as one file, the same octets for the same sources."""
    octets = BytesIO(_SHEBANG)
    octets.seek(0, 2)
    with ZipFile(octets, "a") as archive:
        # An entry has no time of its own, which would tell equal doors apart.
        archive.writestr(ZipInfo("__main__.py"), _START)
        for name, file in sorted(_sources().items()):
            archive.writestr(ZipInfo(name), file.read_bytes())
    return octets.getvalue()


def _sources() -> dict[str, Path]:
    room, door = Path(controller.__file__), Path(frr_door.__file__).parent
    found = {f"{controller.__name__}/{room.name}": room}
    place = frr_door.__name__.replace(".", "/")
    return found | {f"{place}/{file.name}": file for file in door.glob("*.py")}


def write_router_files(folder: Path) -> tuple[Path, Path]:
    """Write the door and the program of the packet filter to a folder, and return where they are.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    door, tool = folder / DOOR, folder / FILTER
    replace_file(door, door_archive(), mode=_RUNNABLE)
    replace_file(tool, Path(frr_filter.__file__).read_bytes(), mode=_RUNNABLE)
    return door, tool
