"""How the controller's records came to their tables: Alembic's start, and files of release 0.1."""
