"""Table of announced consultations; it holds nothing about patients or what is said."""

from typing import Final

from sqlalchemy import Column, Double, Engine, MetaData, Table, Text

from database.migrate import upgrade_schema

VERSION_TABLE: Final = "consultations_version"
METADATA: Final = MetaData()
consultations: Final = Table(
    "consultations",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("sites", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("begins_s", Double, nullable=False),
    Column("ends_s", Double, nullable=False, index=True),
    Column("announced_by", Text, nullable=False),
    Column("announced_s", Double, nullable=False),
    Column("cancelled_s", Double),
    Column("addresses", Text, nullable=False),
)


def open_consultations(engine: Engine) -> None:
    """Bring the table to its newest version."""
    upgrade_schema(engine, "controller.consultations.migrations", VERSION_TABLE)
