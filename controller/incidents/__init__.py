"""What is wrong, why, and who is hurt: the values of incidents, the network, and their words."""
