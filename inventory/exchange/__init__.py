"""Inventories of other tools: NetBox, Nornir, Ansible and GraphML, read and written."""
