"""The verbs of an edge."""
