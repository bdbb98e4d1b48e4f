"""Which path each traffic class takes, how fast paths are probed, and which calls run."""
