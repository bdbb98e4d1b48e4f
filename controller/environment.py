"""What the environment says; the only reader of it."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from inventory.errors import SanagaError


class SettingError(SanagaError):
    """A SANAGA_* variable holds what makes no sense."""


def environment() -> Mapping[str, str]:
    """Return the process's environment, for credential references such as env:NAME."""
    return dict(os.environ)  # noqa: TID251


def default_state_dir(environ: Mapping[str, str], *, root: bool) -> Path:
    """Return where the journal lives unless told otherwise (XDG Base Directory for people)."""
    if root:
        return Path("/var/lib/sanaga")
    base = Path(environ.get("XDG_STATE_HOME", ""))
    # The XDG specification says that a relative path is to be ignored.
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "sanaga"


def state_dir() -> Path:
    """Return the controller's folder: SANAGA_STATE_DIR, or where it lives unless told otherwise."""
    environ = environment()
    if named := environ.get("SANAGA_STATE_DIR"):
        return Path(named)
    return default_state_dir(environ, root=os.geteuid() == 0)


def administrator() -> str:
    """Return who is at work, as the audit chain names them; with sudo, who called it."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = f"user {user}"
    caller = environment().get("SUDO_USER", "")
    return f"{caller} as {name}" if user == 0 and caller and caller.isprintable() else name
