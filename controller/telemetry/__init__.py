"""What edges report: their status and their sessions."""
