"""Notices: who is told of an incident, when, by which channel, and what was sent."""
