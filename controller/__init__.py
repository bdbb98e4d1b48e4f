"""The loop from intent to routers and back, and its doors."""
