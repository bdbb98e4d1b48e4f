"""What an edge reports of itself."""
