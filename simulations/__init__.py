"""Rehearsal: the same code against networks made for the occasion."""
