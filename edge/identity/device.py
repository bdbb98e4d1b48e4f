"""What enrolment left in an edge's folder.

key             the device's private WireGuard key, which never leaves it
device          its name in the intent
controller.pub  the Ed25519 key that signs its policies, in base64
wireguard-py    there when wireguard-py makes its keys and gives them to its kernel
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.identity import private_key as identity_private_key
from inventory.errors import EdgeError
from inventory.model import DeviceName

KEY: Final = "key"
DEVICE: Final = "device"
CONTROLLER: Final = "controller.pub"
WIREGUARD_PY: Final = "wireguard-py"
DO_WITHOUT: Final = "say 'sanaga edge enrol --controller-key FILE --no-wireguard-py' on this edge"


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device; private_key is the 32 octets of X25519 and never printed."""

    device: DeviceName
    private_key: bytes

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Identity({self.device!r})"


def require_readable(folder: Path) -> None:
    """Raise EdgeError unless a folder is there and may be read."""
    try:
        next(folder.iterdir(), None)
    except PermissionError as error:
        raise EdgeError(f"{folder}: only root may read the edge's folder; use sudo") from error
    except OSError as error:
        raise EdgeError(
            f"{folder}: {error.strerror}; name the edge's folder with --dir, or enrol this device "
            "first: 'sanaga edge enrol --controller-key FILE'"
        ) from error


def refuse_shared(folder: Path) -> None:
    """Raise EdgeError when others could put their files into a folder; OSError without one."""
    found = folder.stat()
    if found.st_uid not in {0, os.geteuid()}:
        raise EdgeError(
            f"{folder}: belongs to user {found.st_uid}, who could replace the key and the trust "
            f"of this edge; 'chown root {folder}'"
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise EdgeError(
            f"{folder}: others may write here, and so replace the key and the trust of this edge; "
            f"'chmod go-w {folder}'"
        )


def load_identity(folder: Path) -> Identity:
    """Return the enrolled device of a folder. Raises EdgeError."""
    try:
        refuse_shared(folder)
        device = (folder / DEVICE).read_text(encoding="utf-8").strip()
        return Identity(device, identity_private_key.read_private_key(folder / KEY))
    except FileNotFoundError as error:
        raise EdgeError(
            f"{error.filename}: not there; enrol this device first: 'sanaga edge enrol "
            "--controller-key FILE'"
        ) from error
    except PermissionError as error:
        raise EdgeError(f"{folder}: only root may use the edge's folder; use sudo") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{folder}: cannot be read: {error}") from error
