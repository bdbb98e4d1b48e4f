"""Screens in a terminal: overview, incident and site, as a running controller reports them."""
