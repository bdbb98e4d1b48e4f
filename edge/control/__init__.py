"""The control socket of the daemon: client, server and the handlers of its verbs."""
