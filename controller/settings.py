"""What the environment says about this controller; the only reader of it."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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


class Settings(BaseSettings):
    """Everything that SANAGA_* variables can set."""

    model_config = SettingsConfigDict(
        env_prefix="SANAGA_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    state_dir: Path = Field(
        default_factory=lambda: default_state_dir(environment(), root=os.geteuid() == 0),
        description="where the journal of applied plans and the lock live",
    )
    pace: float = Field(
        default=1.0,
        ge=0.02,
        le=20.0,
        description=(
            "how patient an apply is: 2 doubles the routers' timers and every wait for the "
            "network to settle, 0.2 suits a laboratory"
        ),
    )
