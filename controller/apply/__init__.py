"""Applying a plan all or nothing: waves, confirmed commit, verification, rollback, recovery."""
