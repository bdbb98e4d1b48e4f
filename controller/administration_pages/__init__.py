"""The pages of the administration: people that one manages, walls, the audit, the machine."""
