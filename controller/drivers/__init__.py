"""Drivers of the devices, one module per platform, all behind one protocol."""
