"""Monitoring of routers and switches: agents, traps, syslog, LLDP, BGP and BFD, by circuit."""
