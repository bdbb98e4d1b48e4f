"""Ways in: one-time links, set-up, sign-in in two steps, sessions, machine tokens."""
