"""WireGuard keys and files: reading, writing, QR codes, import of a server."""
