"""The nftables rulesets of an edge, and the program that loads them."""
