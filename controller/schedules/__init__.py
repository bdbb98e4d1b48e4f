"""Schedules: what the controller does by itself every day, week and month, and the reports of it."""
