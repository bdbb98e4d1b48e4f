"""Accounts: sign-in of people, their sessions, roles and scope. Imports nothing of the network."""
