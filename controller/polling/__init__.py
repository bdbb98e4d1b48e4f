"""Hearing routers and switches: what agents, traps, syslog, LLDP, BGP and BFD say of circuits."""
