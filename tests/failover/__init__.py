"""Failover measured: our ways and the field's, under the same faults, on the same circuits."""
