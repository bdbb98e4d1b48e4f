"""Versions of the tables of accounts, each leading on from the one before; none is changed."""
