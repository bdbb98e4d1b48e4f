"""Inventory: what exists in the network, as its owners declare it."""
