"""Which path each traffic class takes and which carries the copy, from health and memory."""
