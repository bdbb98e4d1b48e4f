"""VPN: who may reach whom, encrypted."""
