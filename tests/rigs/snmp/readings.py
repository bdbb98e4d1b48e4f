"""Readings and networks for tests of what is made of them."""

from dataclasses import replace

from controller.polling.network import wired_network
from controller.snmp.counters import Counter
from controller.snmp.model import DeviceReading, InterfaceReading, LinkState, Round, Silence
from tests.factories import Draft


def intent():
    """Return two sites with a fibre between eth1 and eth1, and a satellite at the second."""
    draft = Draft()
    draft.site("mora")
    draft.site("kolofata", "mora")
    draft.circuit("mora-kolofata", "mora-r1", "kolofata-r1")
    draft.circuit("sky", "kolofata-r1", "provider:leo-operator")
    return draft.intent()


def network():
    """Return the lookups of that intent."""
    return wired_network(intent())


def interface(name="eth1", *, state=LinkState.UP, octets=0, errors=0, bits=64, **changes):
    """Return an interface's reading; octets are sent and received alike."""
    counters = {
        "in_octets": Counter(octets, bits),
        "out_octets": Counter(octets, bits),
        "in_errors": Counter(errors, 32),
    }
    made = InterfaceReading(name, 2, state, True, 1e9, 100.0, 0, counters)  # noqa: FBT003
    return replace(made, **changes)


def reading(device="mora-r1", *interfaces, at_s=1000.0, **changes):
    """Return a reading at a time of both clocks; uptime goes with them."""
    made = DeviceReading(device, at_s, at_s, at_s, interfaces or (interface(),))
    return replace(made, **changes)


def a_round(*heard, at_s=1000.0):
    """Return a round of readings and silences; a device's name alone is a silent one."""
    silent = tuple(Silence(one, at_s, "no answer") for one in heard if isinstance(one, str))
    silent += tuple(one for one in heard if isinstance(one, Silence))
    readings = tuple(one for one in heard if isinstance(one, DeviceReading))
    return Round(at_s, readings, silent, 0.1)
