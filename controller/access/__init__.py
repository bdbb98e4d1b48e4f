"""Who may dial in, and how gateways come to know it: devices, terms, rosters, invitations."""
