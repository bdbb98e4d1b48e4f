"""Revisions of the tables of telemetry, one module each."""
