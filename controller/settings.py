"""What SANAGA_* variables say about this controller."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from controller.environment import SettingError, default_state_dir, environment


class Settings(BaseSettings):
    """Everything that SANAGA_* variables can set."""

    model_config = SettingsConfigDict(
        env_prefix="SANAGA_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    state_dir: Path = Field(
        default_factory=lambda: default_state_dir(environment(), root=os.geteuid() == 0),
        description="where the journal of applied plans and the lock live",
    )

    def __init__(self, **values: Any) -> None:
        """Read the variables. Raises SettingError naming each that makes no sense."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingError("\n".join(_told(fault) for fault in error.errors())) from None

    pace: float = Field(
        default=1.0,
        ge=0.02,
        le=20.0,
        description=(
            "how patient an apply is: 2 doubles the routers' timers and every wait for the "
            "network to settle, 0.2 suits a laboratory"
        ),
    )

    approval_above: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "share of facilities (0 to 1) that a plan may cut off before a second person must "
            "approve its apply over the API; no plan needs one unless it is set"
        ),
    )


def _told(fault: ErrorDetails) -> str:
    name = f"SANAGA_{'_'.join(map(str, fault['loc']))}".upper()
    what = fault["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{name}: {str(fault['input'])!r}: {what}; correct the variable, or unset it"
