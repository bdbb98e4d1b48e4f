"""Gateways that take rosters as real ones do, by drivers that keep what they are told."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from edge.signed import roster_envelope
from inventory.errors import RejectedError
from inventory.model import Management
from tests.rigs.people.people_rig import GATEWAY_KEYS, TERMS

# Gateways with a management address, so that the controller reaches them.
REACHED = replace(
    TERMS, doors={name: Management(IPv4Address("192.0.2.1")) for name in GATEWAY_KEYS}
)


class RosterDriver:
    """A gateway; serial is that of its newest roster, and a fault keeps it from being reached."""

    def __init__(self, name, trust, fault=None):
        self.name, self.trust, self.fault = name, trust, fault
        self.serial, self.taken, self.open, self.before = 0, list[Any](), True, lambda: None
        self.calling = list[str]()

    def people(self, *, there=False):
        if self.fault:
            raise self.fault
        state = self.taken[-1].state if self.taken else 0
        said = {"serial": self.serial, "state": state, "devices": 1, "refused": ""}
        return {**said, **({"calling": self.calling} if there else {})}

    def admit(self, envelope):
        self.before()
        key = GATEWAY_KEYS[self.name].octets
        signed = roster_envelope.verify_roster(envelope, "the roster", self.trust, (key,))
        if signed.serial <= self.serial:
            raise RejectedError(self.name, f"roster {signed.serial} is not newer")
        self.serial = signed.serial
        self.taken.append(signed)
        return self.people()

    def admitted(self) -> int:
        """Return how many devices the newest roster lets in."""
        return len(self.taken[-1].roster.devices) if self.taken else 0

    def close(self):
        self.open = False
