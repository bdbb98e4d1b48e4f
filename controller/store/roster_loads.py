"""The roster that each gateway is known to use, by the state of the record."""

from collections.abc import Mapping
from dataclasses import dataclass

from controller.clock import Clock
from controller.store.database import Database
from inventory.model import DeviceName


@dataclass(frozen=True, slots=True)
class RosterStatus:
    """The roster that a gateway was sent last, and why it was not sent a newer one, if it was not.

    state is the last entry of the audit trail that was taken into account, 0 before the first
    time; at is ISO 8601; devices is how many it was told of.
    """

    state: int = 0
    at: str | None = None
    devices: int = 0
    fault: str = ""


class RosterStatusStore:
    """The record of a state folder."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def all(self) -> Mapping[DeviceName, RosterStatus]:
        """Return what is known of every gateway that was ever loaded, or tried to be."""
        rows = self._database.read("SELECT * FROM gateways")
        return {
            r["device"]: RosterStatus(r["state"], r["at"], r["devices"], r["fault"]) for r in rows
        }

    def loaded(self, gateway: DeviceName, state: int, devices: int) -> None:
        """Note that a gateway goes by a state of the record; an older one than known is no news."""
        at = self._clock.instant().isoformat(timespec="seconds")
        with self._database.write() as db:
            db.execute(
                "INSERT INTO gateways (device, state, at, devices, fault) VALUES (?, ?, ?, ?, '')"
                " ON CONFLICT (device) DO UPDATE SET state = excluded.state, at = excluded.at,"
                " devices = excluded.devices, fault = '' WHERE excluded.state >= state",
                (gateway, state, at, devices),
            )

    def failed(self, gateway: DeviceName, fault: str) -> None:
        """Note why a gateway could not be loaded; it still uses its former roster."""
        with self._database.write() as db:
            db.execute(
                "INSERT INTO gateways (device, state, at, devices, fault) VALUES (?, 0, NULL, 0, ?)"
                " ON CONFLICT (device) DO UPDATE SET fault = excluded.fault",
                (gateway, fault),
            )
