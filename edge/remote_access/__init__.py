"""People's devices at a gateway: roster, peers, and joining from the field."""
