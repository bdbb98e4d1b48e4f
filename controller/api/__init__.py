"""HTTP API of the controller: resources, the stream of events, and who may see what."""
