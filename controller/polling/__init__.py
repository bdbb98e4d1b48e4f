"""Hearing routers and switches: SNMP, traps, syslog, LLDP neighbours, BGP and BFD."""
