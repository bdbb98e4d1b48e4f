"""What is wrong and why: which causes explain everything that is heard, and the health of all."""
