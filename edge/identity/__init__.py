"""Who this edge is: its device name, its private key at rest, the controller's key."""
