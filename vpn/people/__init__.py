"""People's devices: their configuration, names, terms and rosters."""
