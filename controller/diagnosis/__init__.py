"""What is wrong and why: which causes explain all that is reported, and the health of all."""
