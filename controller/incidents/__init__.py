"""What is wrong, why, and who is hurt: one incident per root cause, decided from what is heard."""
