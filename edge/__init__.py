"""The edge: the daemon at a site that measures every circuit, decides and moves traffic."""
