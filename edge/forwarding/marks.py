"""The numbers by which everything of ours in the kernel is known again, with or without a record.

Routes, rules and addresses carry PROTOCOL; nft tables are called NFT_TABLE; interfaces carry ALIAS;
root queues have HANDLE. Nothing else is ever touched.
"""

from typing import Final

from edge.policy.model import EdgePolicy, TrafficClass
from policies.model import CARE_CLASSES, ORDINARY_CLASS, ServiceName

PROTOCOL: Final = 0x5A
NFT_TABLE: Final = "sanaga"
ALIAS: Final = "sanaga"
HANDLE: Final = 0x5A5A

# Marks of packets: outer ones of a transport, of the care tunnel and probes, and classes.
TRANSPORT_MARK: Final = 0x5A10
CARE_MARK: Final = 0x5A30
# What the care tunnel's socket sent has this one once its route was asked for again.
ROUTED_CARE_MARK: Final = 0x5A31
CLASS_MARK: Final = 0x5A40

# Routing tables.
CLASS_TABLE: Final = 7100
TRANSPORT_TABLE: Final = 7200
ENDS_TABLE: Final = 7300
REST_TABLE: Final = 7400

# Priorities of rules, in the order in which the kernel asks.
TRANSPORT_RULE: Final = 5200
ENDS_RULE: Final = 5300
CLASS_RULE: Final = 5400
ORDINARY_RULE: Final = 5500
REST_RULE: Final = 5600


def class_index(policy: EdgePolicy, service: ServiceName) -> int | None:
    """Return a class's place in the policy; None when the policy has no such class."""
    names = [c.service.name for c in policy.classes]
    return names.index(service) if service in names else None


def ordinary_index(policy: EdgePolicy) -> int:
    """Return the place of the class that unmarked traffic belongs to."""
    return class_index(policy, ORDINARY_CLASS) or 0


def care_indexes(policy: EdgePolicy) -> tuple[int, ...]:
    """Return the places of the classes that travel in the care tunnel."""
    return tuple(i for i, c in enumerate(policy.classes) if c.service.name in CARE_CLASSES)


def care_class(policy: EdgePolicy) -> TrafficClass | None:
    """Return the class by whose decision the care tunnel travels; None without consultations."""
    classes = {c.service.name: c for c in policy.classes}
    return next((classes[name] for name in CARE_CLASSES if name in classes), None)
