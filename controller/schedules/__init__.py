"""Schedules: what the controller does by itself every week and month, and the reports of it."""
