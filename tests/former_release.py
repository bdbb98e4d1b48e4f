"""Folders written by release 0.1, before modules got the names that they have now.

The archive holds an intent folder (small), a controller's state folder (state), a saved plan
(change.plan), a person's file (ngono.conf), and the folder of an enrolled edge (edge) with a
policy, a roster, preshared keys, revoked keys, a rotation under way, a call and decisions. Its keys
were made for it and open nothing else.
"""

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from controller.backups.unpacking import unpack as unpack_archive

ARCHIVE: Final = Path(__file__).with_name("fixtures") / "release-0.1.tar.xz"


def unpack(folder: Path) -> Mapping[str, str]:
    """Unpack the archive into a folder and return the public keys that it tells about itself."""
    with tarfile.open(ARCHIVE) as archive:
        unpack_archive(archive, folder)
    facts: dict[str, str] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return facts
