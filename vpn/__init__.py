"""Carriage: who may speak to whom, encrypted."""
