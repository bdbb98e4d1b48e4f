"""Traps and informs of SNMPv3, which pysnmp decrypts and answers in a thread of its own.

Datagrams come from the socket of all notifications, and answers leave through it.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from threading import Event, Lock, Thread
from time import time
from typing import Any, Final

from pyasn1.type.univ import Integer, ObjectIdentifier, OctetString
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import ntfrcv
from pysnmp.error import PySnmpError
from pysnmp.proto import rfc1902

from controller.snmp import oids
from controller.snmp.model import Value
from controller.snmp.targets import Target
from controller.snmp.traps import Notification, Sender
from inventory.model import SnmpVersion

# More would only wait while others come; what is refused is counted.
MOST_WAITING: Final = 1000
START_WITHIN_S: Final = 30.0
# A version 3 message begins with a sequence, its length, and the number 3.
VERSION_3: Final = b"\x02\x01\x03"
Heard = Callable[[Notification, Sender], None]


def is_version_3(datagram: bytes) -> bool:
    """Return whether a datagram says that it is SNMPv3."""
    return datagram[:1] == b"\x30" and VERSION_3 in datagram[2:8]


class UsmReceiver:
    """Hears notifications of users; heard is called in this receiver's own thread."""

    def __init__(
        self,
        name: str,
        targets: Iterable[Target],
        heard: Heard,
        send: Callable[[bytes, Sender], None],
    ) -> None:
        self._name = name
        self._targets = tuple(t for t in targets if t.version is SnmpVersion.V3)
        self._heard = heard
        self._answers = _Answers(send)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: SnmpEngine | None = None
        self._transport: udp.UdpTransport | None = None
        self._ready = Event()
        self._thread = Thread(target=self._run, name="snmp-v3", daemon=True)
        self._lock = Lock()
        self._waiting = 0

    def start(self) -> None:
        """Begin; notifications are taken once this returns."""
        self._thread.start()
        self._ready.wait(START_WITHIN_S)

    def stop(self) -> None:
        """End, and wait for the thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_WITHIN_S)

    def take(self, datagram: bytes, sender: Sender) -> bool:
        """Have a datagram looked at; false when too many wait already."""
        with self._lock:
            if self._loop is None or self._waiting >= MOST_WAITING:
                return False
            self._waiting += 1
        self._loop.call_soon_threadsafe(self._take, datagram, sender)
        return True

    def learn_engine(self, target: Target, engine: bytes) -> None:
        """Take an agent's traps too: they are told by its own engine id (RFC 3414, 3.2)."""
        if self._loop is not None and engine:
            self._loop.call_soon_threadsafe(partial(self._add_user, target, engine))

    def _take(self, datagram: bytes, sender: Sender) -> None:
        with self._lock:
            self._waiting -= 1
        if self._transport is not None:
            self._transport.datagram_received(datagram, udp.UdpTransportAddress(sender))

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        # One that fuzzed datagrams upset goes on with the next.
        loop.set_exception_handler(lambda _loop, _context: None)
        try:
            loop.call_soon(self._open, loop)
            loop.run_forever()
        finally:
            if self._engine is not None:
                self._engine.close_dispatcher()
            _finish(loop)

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            engine = _engine(engine_id(self._name))
            transport = udp.UdpTransport(loop=loop)
            transport.connection_made(self._answers)
            config.add_transport(engine, udp.DOMAIN_NAME, transport)
            self._engine, self._transport = engine, transport
            for user in {target.user: target for target in self._targets}.values():
                self._add_user(user, b"")
            ntfrcv.NotificationReceiver(engine, self._notified)
            self._loop = loop
        finally:
            self._ready.set()

    def _add_user(self, target: Target, engine: bytes) -> None:
        with suppress(PySnmpError):
            config.add_v3_user(
                self._engine,
                target.user,
                config.USM_AUTH_HMAC192_SHA256,
                target.authentication,
                config.USM_PRIV_CFB128_AES,
                target.privacy,
                securityEngineId=rfc1902.OctetString(engine) if engine else None,
            )

    def _notified(self, engine: SnmpEngine, reference: Any, *rest: Any) -> None:
        bindings = rest[2]
        _, address = engine.message_dispatcher.get_transport_info(reference)
        values = {str(name): plain_value(value) for name, value in bindings}
        kind, uptime = values.get(oids.TRAP_OID), values.get(oids.SYS_UP_TIME)
        if isinstance(kind, str) and isinstance(uptime, int):
            self._heard(Notification(kind, uptime / 100, values), (address[0], address[1]))


class _Answers(asyncio.DatagramTransport):
    """What pysnmp takes for its socket: answers leave through that of all notifications."""

    def __init__(self, send: Callable[[bytes, Sender], None]) -> None:
        super().__init__()
        self._send = send

    def sendto(self, data: Any, addr: Any = None) -> None:
        self._send(bytes(data), (addr[0], addr[1]))

    def close(self) -> None:
        """Do nothing: the socket is not ours."""


def engine_id(name: str) -> bytes:
    """Return a collector's own engine id, which stays the same (RFC 3411: octets of our own)."""
    return b"\x80\x00\x1f\x88\x05" + sha256(f"sanaga {name}".encode()).digest()[:16]


def _engine(identity: bytes) -> SnmpEngine:
    """Return an engine that senders know again after a restart of this program.

    Given an identity, pysnmp would keep its count of starts in a file of /tmp that anybody may
    make; here minutes since 1970 are the count, which rises as RFC 3414 wants.
    """
    engine = SnmpEngine()
    own, boots = engine.get_mib_builder().import_symbols(
        "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots"
    )
    own.syntax = engine.snmpEngineID = own.syntax.clone(identity)
    boots.syntax = boots.syntax.clone(int(time() // 60))
    return engine


def plain_value(value: Any) -> Value:
    """Return a value of pysnmp as the rest of the program has them; None for what is odd."""
    if isinstance(value, ObjectIdentifier):
        return str(value)
    if isinstance(value, OctetString):
        return bytes(value)
    return int(value) if isinstance(value, Integer) else None


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Let what still runs in a loop end, and close it."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
