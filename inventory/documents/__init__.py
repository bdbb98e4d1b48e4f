"""The YAML documents of an intent folder: reading, checking, writing, error messages."""
