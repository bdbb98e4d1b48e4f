"""WireGuard interfaces behind one protocol: kernel, wireguard-go, configuration files."""
