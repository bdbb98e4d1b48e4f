"""Doors for notifications and syslog: what comes is bounded, counted, and laid to a device."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from controller.polling.collector import Collector
from controller.polling.datagrams import DatagramListener, Receive, Received
from controller.polling.messages import (
    SEVERE,
    SEVERE_FOR_S,
    asks_for_poll,
    quiet_observation,
    session_line,
    severe_observation,
    trap_observations,
)
from controller.polling.syslog import FrameReader, SyslogError, SyslogMessage, parse_message
from controller.snmp import oids
from controller.snmp.traps import Notification, Sender, TrapError, decode_notification
from controller.snmp.usm_receiver import UsmReceiver, is_version_3
from inventory.model import DeviceName

LINES_KEPT: Final = 10_000
MOST_CONNECTIONS: Final = 128
IDLE_S: Final = 3600.0
READ_OCTETS: Final = 65_536
STRANGER: Final = "the sender is no device of the intent"
TOO_MANY: Final = "too many messages of version 3 wait"


@dataclass(frozen=True, slots=True)
class ListeningPorts:
    """Where the controller listens; None for what it does not listen to."""

    address: str = "0.0.0.0"  # noqa: S104 - devices send from everywhere
    traps: int | None = 162
    syslog: int | None = 514
    syslog_tcp: int | None = None


@dataclass(frozen=True, slots=True)
class HeardLine:
    """A line of syslog and the device from whose address it came."""

    device: DeviceName
    received_s: float
    message: SyslogMessage


@dataclass(slots=True)
class Listeners:
    """All doors of a collector, and what came through them."""

    collector: Collector
    traps: Received = field(default_factory=Received)
    syslog: Received = field(default_factory=Received)
    lines: deque[HeardLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    ports: dict[str, int] = field(default_factory=dict)
    on_session: Callable[[DeviceName], None] = lambda _: None
    _open: list[DatagramListener] = field(default_factory=list)
    _usm: UsmReceiver | None = None
    _engines: dict[DeviceName, bytes] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _connections: int = 0
    _severe: dict[DeviceName, asyncio.TimerHandle] = field(default_factory=dict)

    async def start(self, where: ListeningPorts, namespace: str | None = None) -> None:
        """Listen. Raises OSError when an address is taken or privileged."""
        if where.traps is not None:
            door = self._door(self._take_trap, self.traps)
            self.ports["traps"] = door.start(where.address, where.traps, namespace)
            self._start_usm(door)
            self.collector.after_rounds.append(self.learn_engines)
        if where.syslog is not None:
            door = self._door(self._take_line, self.syslog)
            self.ports["syslog"] = door.start(where.address, where.syslog, namespace)
        if where.syslog_tcp is not None:
            self._server = await asyncio.start_server(
                self._take_stream, where.address, where.syslog_tcp
            )
            self.ports["syslog_tcp"] = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every door."""
        for door in self._open:
            door.stop()
        for timer in self._severe.values():
            timer.cancel()
        if self._usm is not None:
            await asyncio.to_thread(self._usm.stop)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def learn_engines(self) -> None:
        """Take traps of version 3 from agents that were polled: only these are known by engine."""
        for device, polled in self.collector.poller.agents.items():
            engine = polled.agent.engine
            if self._usm is not None and engine and self._engines.get(device) != engine:
                self._engines[device] = engine
                self._usm.learn_engine(polled.agent.target, engine)

    def _door(self, take: Receive, count: Received) -> DatagramListener:
        door = DatagramListener(take, count)
        self._open.append(door)
        return door

    def _start_usm(self, door: DatagramListener) -> None:
        loop = asyncio.get_running_loop()
        targets = [polled.agent.target for polled in self.collector.poller.agents.values()]

        def heard(notification: Notification, sender: Sender) -> None:
            loop.call_soon_threadsafe(self._heard_v3, notification, sender)

        self._usm = UsmReceiver(self.collector.name, targets, heard, door.send)
        self._usm.start()

    def _take_trap(self, datagram: bytes, sender: Sender) -> bytes:
        device = self._sender(sender, self.traps)
        if device is None:
            return b""
        if is_version_3(datagram):
            if self._usm is None or not self._usm.take(datagram, sender):
                self.traps.refuse(TOO_MANY)
            return b""
        try:
            notification = decode_notification(datagram, self._communities(device))
        except TrapError as error:
            self.traps.refuse(str(error))
            return b""
        self._report(device, notification)
        return notification.answer

    def _heard_v3(self, notification: Notification, sender: Sender) -> None:
        if device := self._sender(sender, self.traps):
            self._report(device, notification)

    def _report(self, device: DeviceName, notification: Notification) -> None:
        self.traps.taken += 1
        collector = self.collector
        track = collector.heard.tracks.get(device)
        stamp = collector.stamp()
        said = trap_observations(notification, track, device, collector.network, stamp)
        collector.report_trap(device, said)
        if notification.kind == oids.LLDP_CHANGED:
            collector.read_neighbours_soon()

    def _communities(self, device: DeviceName) -> tuple[str, ...]:
        polled = self.collector.poller.agents.get(device)
        community = polled.agent.target.community if polled else ""
        return (community,) if community else ()

    def _take_line(self, datagram: bytes, sender: Sender) -> bytes:
        if device := self._sender(sender, self.syslog):
            self._heard_line(device, datagram)
        return b""

    def _heard_line(self, device: DeviceName, data: bytes) -> None:
        try:
            message = parse_message(data)
        except SyslogError as error:
            self.syslog.refuse(str(error))
            return
        self.syslog.taken += 1
        stamp = self.collector.stamp()
        self.lines.append(HeardLine(device, stamp.received_s, message))
        if message.severity <= SEVERE:
            self.collector.say((severe_observation(message, device, stamp),))
            self._expect_quiet(device)
        if asks_for_poll(message):
            self.collector.ask_soon(device)
        if told := session_line(message, device, self.collector.network, stamp):
            self.collector.report_session(device, told)
            self.on_session(device)

    def _expect_quiet(self, device: DeviceName) -> None:
        if timer := self._severe.pop(device, None):
            timer.cancel()

        def quiet() -> None:
            self._severe.pop(device, None)
            self.collector.say((quiet_observation(device, self.collector.stamp()),))

        self._severe[device] = asyncio.get_running_loop().call_later(SEVERE_FOR_S, quiet)

    async def _take_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Read one connection of syslog over TCP until it ends, errs or says nothing."""
        device = self._sender(writer.get_extra_info("peername")[:2], self.syslog)
        self._connections += 1
        try:
            if device is not None and self._connections <= MOST_CONNECTIONS:
                await self._read_stream(device, reader)
        finally:
            self._connections -= 1
            writer.close()

    async def _read_stream(self, device: DeviceName, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        try:
            while data := await asyncio.wait_for(reader.read(READ_OCTETS), IDLE_S):
                for frame in frames.feed(data):
                    self._heard_line(device, frame)
        except SyslogError as error:
            self.syslog.refuse(str(error))
        except OSError:
            return

    def _sender(self, sender: Sender, count: Received) -> DeviceName | None:
        """Return the device from which something came; it is counted when there is none."""
        senders: Mapping[str, DeviceName] = self.collector.network.senders
        device = senders.get(sender[0].removeprefix("::ffff:"))
        if device is None:
            count.refuse(STRANGER)
        return device
