"""Incidents of a running controller: one thread decides while this process leads its database."""
