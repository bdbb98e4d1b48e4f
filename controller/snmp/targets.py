"""Who is polled, and with what: the intent's devices with their secrets, resolved at last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from inventory.errors import CredentialError
from inventory.model import Device, DeviceName, Intent, Snmp, SnmpVersion

SHORTEST_PASSPHRASE: Final = 8
Secret = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Target:
    """An agent to poll: where it is, its secrets, and the interfaces of interest by name.

    Without interfaces all of the device's are of interest. No repr holds a secret.
    """

    device: DeviceName
    address: str
    port: int
    version: SnmpVersion
    interfaces: frozenset[str] = frozenset()
    community: str = field(default="", repr=False)
    user: str = ""
    authentication: str = field(default="", repr=False)
    privacy: str = field(default="", repr=False)


def polled_devices(intent: Intent) -> tuple[Device, ...]:
    """Return the devices of an intent that are to be polled, in the order of the documents."""
    return tuple(d for d in intent.devices.values() if d.snmp and d.management)


def make_target(intent: Intent, device: Device, secret: Secret) -> Target:
    """Return what polling a device takes; secret resolves a credential reference.

    Raises CredentialError when a reference cannot be resolved or a passphrase is too short,
    ValueError for a device that is not to be polled.
    """
    snmp, management = device.snmp, device.management
    if snmp is None or management is None:
        raise ValueError(f"{device.name} has no 'snmp:' or no 'management:'")
    return Target(
        device.name,
        str(management.address),
        snmp.port,
        snmp.version,
        frozenset(interface for _, interface in circuit_interfaces(intent, device.name)),
        **_secrets(device.name, snmp, secret),
    )


def circuit_interfaces(intent: Intent, device: DeviceName) -> Iterator[tuple[str, str]]:
    """Yield the circuits that end at a device, each with the interface there."""
    for circuit in intent.usable_circuits():
        for end in (circuit.a, circuit.b):
            if end and end.device == device:
                yield circuit.name, end.interface


def _secrets(device: DeviceName, snmp: Snmp, secret: Secret) -> dict[str, str]:
    if snmp.version is SnmpVersion.V2C:
        return {"community": secret(snmp.community)}
    passphrases = {
        "authentication": secret(snmp.authentication),
        "privacy": secret(snmp.privacy),
    }
    for name, passphrase in passphrases.items():
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise CredentialError(
                f"{device}: the {name} passphrase of SNMP has fewer than {SHORTEST_PASSPHRASE} "
                "characters (RFC 3414); make a longer one at both ends"
            )
    return {"user": snmp.user, **passphrases}
