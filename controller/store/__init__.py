"""What the controller keeps, in SQLite or PostgreSQL: applies, people, keys, the audit chain."""
