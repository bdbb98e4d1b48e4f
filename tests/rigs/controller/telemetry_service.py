"""A real listener with its intake and database in this process, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.clock import Clock, SystemClock
from controller.telemetry import schema
from controller.telemetry.current_state import CurrentState, Heard
from controller.telemetry.housekeeping import Housekeeping
from controller.telemetry.intake import Intake
from controller.telemetry.listener import Listener
from controller.telemetry.series import Series
from database.engine import open_engine
from tests.rigs.controller.telemetry_rig import EDGE, SPOOL
from tests.rigs.controller.telemetry_sender import Sender, connected
from vpn.wireguard.keys import Secret, generate_pair


@dataclass
class Service:
    """What listens, and what it has heard; pinned are the edges that are let in."""

    key: Ed25519PrivateKey
    pinned: dict[str, str]
    secrets: dict[str, Secret]
    series: Series
    intake: Intake
    listener: Listener
    port: int = 0
    heard: list[Heard] = field(default_factory=list)

    def dial(self, name: str = EDGE, spool: str = SPOOL) -> AbstractAsyncContextManager[Sender]:
        """Connect as an edge with its own key."""
        trust = self.key.public_key()
        return connected(self.port, name, self.secrets[name], trust, spool)


def open_series(place: Path | str) -> Series:
    """Return the telemetry of a folder, or of a database of PostgreSQL."""
    engine = open_engine(place / "telemetry.db" if isinstance(place, Path) else place)
    schema.prepare(engine)
    return Series(engine)


@asynccontextmanager
async def listening(
    folder: Path,
    edges: Iterable[str] = (EDGE,),
    series: Series | None = None,
    key: Ed25519PrivateKey | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Service]:
    """Give a service that edges can dial."""
    series = series or open_series(folder)
    pairs = {name: generate_pair() for name in edges}
    secrets = {name: secret for name, (secret, _) in pairs.items()}
    pinned = {name: public for name, (_, public) in pairs.items()}
    clock = clock or SystemClock()
    intake = Intake(series, CurrentState(), Housekeeping(series, clock))
    key = key or Ed25519PrivateKey.generate()
    listener = Listener(key, pinned.get, intake, clock)
    made = Service(key, pinned, secrets, series, intake, listener)
    intake.subscribe(made.heard.append)
    intake.start()
    made.port = await listener.start("127.0.0.1", 0)
    try:
        yield made
    finally:
        await listener.stop()
        await asyncio.to_thread(intake.stop)
        series.engine.dispose()
