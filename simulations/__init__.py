"""Simulations: the laboratory and the demonstration, networks on which the same code runs."""
