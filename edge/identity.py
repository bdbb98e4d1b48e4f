"""Who an edge is and whom it trusts: made once by enrolment, read by every start.

key           the device's private WireGuard key, which never leaves it
device        its name in the intent
controller.pub  the Ed25519 key that signs its policies, in base64
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import TypeAdapter, ValidationError

from edge import files, keys
from edge.documents import key_octets
from edge.store import Trust
from inventory.edgekeys import line
from inventory.errors import EdgeError
from inventory.fields import Slug
from inventory.model import DeviceName

KEY: Final = "key"
_DEVICE: Final = "device"
_CONTROLLER: Final = "controller.pub"
_SLUG: Final[TypeAdapter[str]] = TypeAdapter(Slug)


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device; private_key is the 32 octets of X25519 and never printed."""

    trust: Trust
    private_key: bytes

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Identity({self.trust.device!r})"

    @property
    def public_key(self) -> str:
        """Return the public key as WireGuard writes it."""
        return keys.public_text(self.private_key)


def enrol(folder: Path, device: DeviceName, controller: Ed25519PublicKey) -> str:
    """Make the key unless there is one, store name and trust; return the line for edge_keys.

    Raises EdgeError, OSError. A second enrolment keeps the key.
    """
    checked_name(device)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = keys.ensure(folder / KEY)
    files.replace(folder / _DEVICE, f"{device}\n")
    files.replace(folder / _CONTROLLER, f"{_text(controller)}\n")
    return line(device, keys.public_text(private))


def load(folder: Path) -> Identity:
    """Return the enrolled device of a folder. Raises EdgeError."""
    try:
        device = (folder / _DEVICE).read_text(encoding="utf-8").strip()
        trusted = (folder / _CONTROLLER).read_text(encoding="utf-8")
        private = keys.read(folder / KEY)
    except FileNotFoundError as error:
        raise EdgeError(
            f"{error.filename}: not there; enrol this device first: 'sanaga edge enrol "
            "--controller-key FILE'"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{folder}: cannot be read: {error}; run this as root") from error
    controller = controller_key(trusted, str(folder / _CONTROLLER))
    return Identity(Trust(checked_name(device), controller), private)


def checked_name(device: str) -> DeviceName:
    """Return a device's name. Raises EdgeError when it cannot be one."""
    try:
        return _SLUG.validate_python(device)
    except ValidationError as error:
        words = error.errors()[0]["ctx"]
        raise EdgeError(f"{words['what']} of a device; {words['hint']}") from None


def controller_key(text: str, file: str) -> Ed25519PublicKey:
    """Return an Ed25519 public key written in base64 or PEM. Raises EdgeError."""
    found = _pem(text) if text.lstrip().startswith("-----BEGIN") else _raw(text)
    if found is None:
        raise EdgeError(
            f"{file}: this is no Ed25519 public key; give the controller's, 44 characters of "
            "base64 or a PEM file"
        )
    return found


def _raw(text: str) -> Ed25519PublicKey | None:
    octets = key_octets(text.strip())
    return Ed25519PublicKey.from_public_bytes(octets) if octets else None


def _pem(text: str) -> Ed25519PublicKey | None:
    try:
        found = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, Ed25519PublicKey) else None


def _text(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")
