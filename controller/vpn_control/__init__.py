"""Changes to access over the VPN, carried out here or by the controller that runs."""
