"""Devices of the laboratory: FRR routers and Linux edges, their SSH, their faults."""
