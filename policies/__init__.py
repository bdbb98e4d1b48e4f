"""Duties: what is owed to whom, and whether the model keeps it."""
