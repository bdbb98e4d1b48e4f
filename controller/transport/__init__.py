"""How the controller reaches devices: SSH, host keys, fan-out, namespaces."""
