"""What the environment says about this edge."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that SANAGA_EDGE_* variables can set."""

    model_config = SettingsConfigDict(
        env_prefix="SANAGA_EDGE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    dir: Path = Field(
        default=Path("/var/lib/sanaga/edge"),
        description="where the edge's key, policies, state and control socket live",
    )
