"""Versions of the tables of the notices, by Alembic."""
