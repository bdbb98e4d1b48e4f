"""Reporting of an edge: what it tells the controller, its spool, and the link to it."""
