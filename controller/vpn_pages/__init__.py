"""The pages of the VPN: who has access, what a withdrawal does, and gateways."""
