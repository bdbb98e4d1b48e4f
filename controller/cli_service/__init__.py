"""Verbs of the running controller: serve it, look at it, act on it, keep it."""
