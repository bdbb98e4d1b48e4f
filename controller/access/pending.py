"""Devices whose files are being written elsewhere, sealed into a text that their writer sends back.

Nothing is kept of them meanwhile: any controller with the same sealing key can open the text, and
one that is never sent back leaves nothing behind.
"""

import base64
import json
from binascii import Error as Base64Error
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from controller.access.devices import DeviceFiles, PendingDevice
from controller.keys.psk_sealing import PskVault
from controller.store.people_queries import DeviceKeys
from controller.store.people_records import PersonRecord
from inventory.errors import AccessError
from vpn.model import Person, PersonDevice

Json: TypeAlias = Any
# So long may somebody take to write a device's files.
LASTS: Final = timedelta(minutes=15)
_PURPOSE: Final = "pending-device"
_VOID: Final = "the files of this device were made too long ago, or elsewhere; say this again"


def seal_pending(vault: PskVault, pending: Json, by: str, now: datetime) -> str:
    """Return a text in which something waits, for who is named by. Raises CredentialError."""
    body = {"until": (now + LASTS).isoformat(), "by": by, "pending": pending}
    return _text(vault.seal_octets(json.dumps(body).encode(), _PURPOSE))


def open_pending(vault: PskVault, text: str, by: str, now: datetime) -> Any:
    """Return what seal_pending() sealed.

    Raises AccessError when it is too old or another's, CredentialError.
    """
    try:
        body = json.loads(vault.open_octets(base64.b64decode(text, validate=True), _PURPOSE))
    except (Base64Error, ValueError):
        raise AccessError(_VOID) from None
    if body["by"] != by or now > datetime.fromisoformat(body["until"]):
        raise AccessError(_VOID)
    return body["pending"]


def pending_plain(pending: PendingDevice) -> Json:
    """Return a device without its files as JSON has it."""
    made = pending.handover
    return {
        "person": _plain(made.person),
        "device": asdict(made.device),
        "boxes": {name: _text(box) for name, box in pending.keying.boxes.items()},
        "way": pending.way,
        "known": known_plain(pending.known),
        "former": pending.former,
    }


def read_pending(plain: Json) -> PendingDevice:
    """Return the device that pending_plain() wrote, without its files."""
    device = PersonDevice(**plain["device"])
    boxes = {name: base64.b64decode(box) for name, box in plain["boxes"].items()}
    return PendingDevice(
        DeviceFiles(_person(plain["person"]), device, {}),
        DeviceKeys(device.public_key, boxes),
        plain["way"],
        read_known(plain["known"]),
        plain["former"],
    )


def known_plain(known: PersonRecord | None) -> Json:
    """Return who somebody was when something began, as JSON has it."""
    return [_plain(known.person), known.revoked] if known else None


def read_known(plain: Json) -> PersonRecord | None:
    """Return what known_plain() wrote, without devices."""
    return PersonRecord(_person(plain[0]), "", plain[1], ()) if plain else None


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _plain(person: Person) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(person).items()
    }


def _person(plain: dict[str, Any]) -> Person:
    days = {
        name: date.fromisoformat(plain[name]) if plain[name] else None
        for name in ("until", "licence_until")
    }
    return Person(**{**plain, **days})
