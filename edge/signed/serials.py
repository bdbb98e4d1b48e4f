"""Serials of what the controller signs: whole numbers that every JSON reader keeps exact."""

from typing import Any, Final

LARGEST_SERIAL: Final = 2**53 - 1


def parse_serial(value: Any) -> int:
    """Return a serial. Raises ValueError if it is not one."""
    # A bool is an int to Python.
    if type(value) is not int or not 0 <= value <= LARGEST_SERIAL:
        raise ValueError("serial is not a non-negative integer")
    return value
