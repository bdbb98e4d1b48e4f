"""Migrations of the tables of telemetry, run by Alembic."""
