"""Where Alembic begins when it brings the tables of accounts to their newest version."""

from alembic import context

from database.migrate import run_migrations

run_migrations(context.config)
