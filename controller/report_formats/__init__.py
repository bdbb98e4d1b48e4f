"""Formats of reports: HTML, PDF, CSV, JSON and text, each from the same laid-out document."""
