"""Migrations of the tables of plans and of answers to repeated requests."""
