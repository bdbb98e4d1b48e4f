"""Files of an edge: atomic writes, the lock and the journal."""
