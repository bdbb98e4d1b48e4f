"""Schedules: what the controller does by itself every day, week and month, and its reports."""
