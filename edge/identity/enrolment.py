"""Enrolment of an edge: makes its key, stores its name and the controller's key."""

from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from edge.identity import keyring, private_key, trust
from edge.identity.device import CONTROLLER, DEVICE, KEY, WIREGUARD_PY, refuse_shared
from edge.storage import atomic
from inventory.documents.edge_keys import edge_key_line
from inventory.documents.fields import Slug
from inventory.errors import EdgeError
from inventory.model import DeviceName
from vpn import key_text
from vpn.wireguard import key_backends

_SLUG: Final[TypeAdapter[str]] = TypeAdapter(Slug)


def enrol(
    folder: Path,
    device: DeviceName | None,
    controller: Ed25519PublicKey,
    *,
    force: bool = False,
    wireguard_py: bool | None = None,
) -> str:
    """Make the key unless there is one, store name and trust; return the line for edge_keys.

    Without a device its stored name is kept, or it gets the host's. Raises OSError, and EdgeError
    when the folder is another device's or trusts another controller, unless forced. A second
    enrolment keeps the key. wireguard_py says whether that library is to make keys and give
    them to the kernel from now on, None that this stays as it is; raises ExtraError without it.
    """
    stored = _stored(folder / DEVICE)
    name = checked_name(device or stored or gethostname().partition(".")[0])
    if not force:
        _refuse_another(folder, stored, name, trust.controller_key_text(controller))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_shared(folder)
    if wireguard_py is not None:
        _choose(folder, wireguard_py=wireguard_py)
    private = private_key.ensure_private_key(folder / KEY, partial(keyring.made_pair, folder))
    atomic.replace(folder / DEVICE, f"{name}\n")
    atomic.replace(folder / CONTROLLER, f"{trust.controller_key_text(controller)}\n")
    return edge_key_line(name, key_text.public_text(private))


def _choose(folder: Path, *, wireguard_py: bool) -> None:
    """Write down whether wireguard-py is wanted. Raises ExtraError when it is not installed."""
    if wireguard_py:
        key_backends.wireguard_py("enrol without --wireguard-py")
        atomic.replace(folder / WIREGUARD_PY, "")
    else:
        atomic.remove(folder / WIREGUARD_PY)


def _refuse_another(folder: Path, stored: str, name: str, controller: str) -> None:
    """Raise EdgeError when policies that are stored here would no longer be for this device."""
    if stored and stored != name:
        raise EdgeError(
            f"{folder}: this device is enrolled as '{stored}'; as '{name}' it would refuse the "
            "policy that it runs and need one of its own. --force renames it"
        )
    trusted = _stored(folder / CONTROLLER)
    if trusted and trusted != controller:
        raise EdgeError(
            f"{folder}: another controller's key is trusted here; with this one the edge would "
            "refuse the policies that it holds until it gets one of the new controller's. "
            "--force trusts the new one"
        )


def _stored(file: Path) -> str:
    """Return what an earlier enrolment wrote, nothing when there was none. Raises OSError."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def checked_name(device: str) -> DeviceName:
    """Return a device's name. Raises EdgeError when it cannot be one."""
    try:
        return _SLUG.validate_python(device)
    except ValidationError as error:
        words = error.errors()[0]["ctx"]
        raise EdgeError(f"{words['what']} of a device; {words['hint']}") from None
