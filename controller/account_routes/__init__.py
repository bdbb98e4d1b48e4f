"""Routes of those who sign in: sign-in, one's own account, sessions, tokens, and administration."""
