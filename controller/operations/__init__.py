"""What a running controller does on demand: plans and applies, kept, one at a time, followed."""
