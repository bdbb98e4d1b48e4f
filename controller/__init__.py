"""The controller: plans and applies the intent, monitors the network, and answers people."""
