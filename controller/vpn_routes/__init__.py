"""Routes of the API for changes to the VPN: devices, gateways, terms and edges' keys."""
