"""The demonstration: calls and changes on a laboratory network, with a report at the end."""
