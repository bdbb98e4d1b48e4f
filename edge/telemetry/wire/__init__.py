"""Telemetry messages on the wire: integers, tables and columns."""
