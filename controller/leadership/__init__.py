"""One of several controllers on a database decides: its lock, its term, and what others tell it."""
