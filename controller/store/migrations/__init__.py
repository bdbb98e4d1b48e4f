"""Alembic's scripts for the tables of the controller's records."""
