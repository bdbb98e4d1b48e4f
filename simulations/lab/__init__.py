"""A network of real routers on one machine: namespaces, FRR, sshd and emulated circuits."""
