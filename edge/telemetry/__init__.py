"""What an edge tells of itself: its status, its messages to the controller, and their frames."""
