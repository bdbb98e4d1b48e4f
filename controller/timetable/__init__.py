"""When the controller does by itself what it does every day, week and month."""
