"""Reporting of an edge: what it sends to the controller, its spool, and the link to it."""
