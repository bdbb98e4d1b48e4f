"""Entry point of Alembic for the tables of telemetry."""

from alembic import context

from database.migrate import run_migrations

run_migrations(context.config)
