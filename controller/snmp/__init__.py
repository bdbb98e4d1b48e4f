"""SNMP: agents and what is asked of them, what their values mean, and their notifications."""
