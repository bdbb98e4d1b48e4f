"""Migrations of the leadership's tables."""
