"""Alembic's scripts for the controller's records, one for each version; none is changed later."""
