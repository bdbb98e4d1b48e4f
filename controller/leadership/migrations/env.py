"""Environment of Alembic; it runs the scripts in versions/ on the connection that it is given."""

from alembic import context

from database.migrate import run_migrations

run_migrations(context.config)
