"""A gateway's rendezvous on a loopback address, and both ends of an invitation, in threads."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from socket import SOCK_DGRAM, socket
from typing import Any

from controller.access.invitation import InvitationSession
from edge.remote_access import join_code
from edge.remote_access.join_client import JoinClient
from edge.remote_access.join_device import JoiningDevice
from edge.remote_access.join_proxy import JoinProxy
from tests.simulated_time import TestClock
from vpn.model import Endpoint
from vpn.wireguard import keys

PSK = keys.generate_private()
FILE = f"""\
# of a test
[Interface]
# PrivateKey = (the device's own, which never left it)
Address = 172.26.0.5/32
DNS = 172.26.0.1
MTU = 1280

[Peer]
PublicKey = {keys.public_of(keys.generate_private())}
PresharedKey = {PSK.reveal()}
AllowedIPs = 10.0.0.0/8
Endpoint = vpn.example.cm:51820
PersistentKeepalive = 25
"""


class Hasty(TestClock):
    """A clock whose seconds last a few milliseconds, in which other threads work."""

    def __init__(self, second_s=0.005):
        super().__init__()
        self.second_s = second_s

    def pause(self, seconds):
        super().pause(seconds)
        threading.Event().wait(seconds * self.second_s)
        # Nobody waits for ever for what never comes.
        assert self.elapsed < 20 / self.second_s


class Gate:
    """A gateway's daemon, as far as invitations go; now_s is its clock."""

    def __init__(self, loop, rendezvous):
        self.loop, self.rendezvous, self.now_s, self.asked = loop, rendezvous, 0.0, []

    def join(self, request):
        self.asked.append(request)
        return asyncio.run_coroutine_threadsafe(self._join(request), self.loop).result(10)

    async def _join(self, request):
        return json.loads(json.dumps(self.rendezvous.asked(json.dumps(request))))


@contextmanager
def gate() -> Iterator[Any]:
    """Have a rendezvous run in a thread of its own; of an edge's driver it is join() alone."""
    loop = asyncio.new_event_loop()
    made = Gate(loop, None)
    made.rendezvous = JoinProxy(lambda: made.now_s)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(made.rendezvous.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def free_port() -> int:
    with socket(type=SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def visit(gate, *, host="127.0.0.1", port=None, clock=None):
    """Open an invitation."""
    invited = join_code.new_invitation(Endpoint(host, port or free_port()))
    opened = InvitationSession(gate, invited, clock or Hasty())
    opened.open()
    return opened


def line(invited, **patience):
    return JoinClient(invited, **{"first_s": 5.0, "silence_s": 5.0, **patience})


def joining(invited, asker):
    return JoiningDevice(invited, asker, Hasty().pause)


@contextmanager
def beside(work, *arguments):
    """Do something in another thread; yield what returns its outcome."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work, *arguments)
        yield lambda: doing.result(20)
