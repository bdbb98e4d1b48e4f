"""Routes of plans, applies, approvals and what they work on: people's access, records, backups."""
