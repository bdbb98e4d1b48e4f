"""What may be reached: services, zones and grants, as packet filters."""
