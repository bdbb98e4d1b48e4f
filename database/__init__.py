"""Databases: SQLite and PostgreSQL opened safely, and their migrations. Imports no other room."""
