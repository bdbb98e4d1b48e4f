"""The daemon of an edge: its wiring, its periodic tasks and its faults."""
