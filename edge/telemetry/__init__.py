"""What an edge reports: its status, its messages to the controller, and their frames."""
