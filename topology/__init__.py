"""Topology: how sites are connected, and how well."""
