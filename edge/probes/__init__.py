"""Test packets by which every path is measured (STAMP, RFC 8762)."""
