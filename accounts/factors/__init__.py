"""What people prove themselves by: passwords, one-time codes, passkeys, recovery codes."""
