"""Decisions on incidents: what opens, changes, merges and ends, what persons do, and its rows."""
