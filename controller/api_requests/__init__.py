"""Requests that change something: only what was seen (If-Match), and once (Idempotency-Key)."""
