"""Values of the VPN as JSON and back, for both ends of the API."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter

from controller.access.devices import DeviceFiles
from controller.access.gateways import InterruptedCalls
from controller.access.rosters import RosterWish
from vpn.model import Person, PersonDevice
from vpn.wireguard.keys import Secret
from vpn.wireguard.parser import parse_config

PERSON: Final = TypeAdapter(Person)
DEVICE: Final = TypeAdapter(PersonDevice)
ROSTERS: Final = TypeAdapter(RosterWish)
CALLS: Final = TypeAdapter(InterruptedCalls)


def files_of(told: Mapping[str, Any], private: Secret | None) -> DeviceFiles:
    """Return the files of a device that a controller made, with the private key of this side."""
    files = {
        gateway: replace(parse_config(text, gateway), private_key=private)
        for gateway, text in told["files"].items()
    }
    person = PERSON.validate_python(told["person"])
    return DeviceFiles(person, DEVICE.validate_python(told["device"]), files)
