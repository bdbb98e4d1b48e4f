"""Where Alembic begins."""

from alembic import context

from database.migrate import run_migrations

run_migrations(context.config)
