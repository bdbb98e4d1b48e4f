"""What must hold between the entries of a folder; each check yields faults and raises nothing."""
