"""Policies: what the network promises to each service, and whether the model keeps it."""
