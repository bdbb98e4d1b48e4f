"""What the daemon puts into the kernel, repairs, and takes away again."""
