"""Hours of calls through the laboratory while circuits fail at random."""
