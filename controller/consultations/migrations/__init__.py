"""Migrations of the tables of consultations."""
