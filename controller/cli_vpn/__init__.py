"""The verbs of sanaga vpn: sites, people, gateways; they read arguments and print answers."""
