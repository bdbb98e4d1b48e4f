"""Shape: how places connect, and how well."""
