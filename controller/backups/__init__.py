"""Backups of the controller: records and keys in one sealed file, rehearsed, and put back."""
