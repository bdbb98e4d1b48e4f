"""What the environment says about this edge."""

import os
from pathlib import Path
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

PREFIX: Final = "SANAGA_EDGE_"


class Settings(BaseModel):
    """Everything that SANAGA_EDGE_* variables can set."""

    model_config: ClassVar = ConfigDict(frozen=True, extra="ignore")

    dir: Path = Field(
        default=Path("/var/lib/sanaga/edge"),
        description="where the edge's key, policies, state and control socket live",
    )


def read_settings() -> Settings:
    """Return what the environment says; an empty variable says nothing."""
    said = {name: os.environ.get(PREFIX + name.upper()) for name in Settings.model_fields}
    return Settings.model_validate({name: text for name, text in said.items() if text})
