"""What the controller keeps on disk: the journal of applied plans and the lock."""
