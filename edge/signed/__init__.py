"""What the controller signs for an edge, verified in a process of its own."""
