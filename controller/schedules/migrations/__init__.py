"""Migrations of the tables of schedules."""
