"""Hands at a site: a small daemon that measures every underlay, decides and moves traffic."""
