"""The roster that each gateway is known to use, by the state of the record."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from controller.clock import Clock
from controller.store.database import Database
from controller.store.schema import roster_loads
from database.rows import upsert
from inventory.model import DeviceName


@dataclass(frozen=True, slots=True)
class RosterStatus:
    """The roster that a gateway was sent last, and why it was not sent a newer one, if it was not.

    state is the number of the last entry about access in the audit chain that was taken into
    account, 0 before the first time; at is ISO 8601; devices is how many it was told of.
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
        rows = self._database.read(select(roster_loads))
        return {row.device: RosterStatus(row.state, row.at, row.devices, row.fault) for row in rows}

    def loaded(self, gateway: DeviceName, state: int, devices: int) -> None:
        """Note that a gateway goes by a state of the record; an older one than known is no news."""
        at = self._clock.instant().isoformat(timespec="seconds")
        with self._database.write() as db:
            made = upsert(db, roster_loads).values(
                device=gateway, state=state, at=at, devices=devices, fault=""
            )
            given = made.excluded
            db.execute(
                made.on_conflict_do_update(
                    index_elements=[roster_loads.c.device],
                    set_={
                        "state": given.state,
                        "at": given.at,
                        "devices": given.devices,
                        "fault": "",
                    },
                    where=given.state >= roster_loads.c.state,
                )
            )

    def failed(self, gateway: DeviceName, fault: str) -> None:
        """Note why a gateway could not be loaded; it still uses its former roster."""
        with self._database.write() as db:
            made = upsert(db, roster_loads).values(device=gateway, state=0, devices=0, fault=fault)
            db.execute(
                made.on_conflict_do_update(
                    index_elements=[roster_loads.c.device], set_={"fault": fault}
                )
            )
