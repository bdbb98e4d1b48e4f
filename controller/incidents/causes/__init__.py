"""Which circuits, devices, sites and operators are root causes, and what shows it."""
