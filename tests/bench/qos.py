"""A call beside four uploads that fill a circuit of 4 Mbit/s, with and without queues.

As a program, 'python -m tests.bench.qos LAN_NAMESPACE SERVER_NAMESPACE' uploads until its input
ends; each line on its input is answered by the octets that have arrived so far.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Thread
from time import monotonic
from typing import Final

from inventory.model import Medium
from simulations.netns.namespaces import entered_namespace
from simulations.netns.waiting import eventually, pause
from tests.failover.flows import Called, Flows
from tests.rigs.edge.dataplane_world import Overlay, overlay, steering
from tests.rigs.edge.edge_rig import ROOT, SERVER, Line, World

NARROW: Final = Line("fibre", Medium.FIBRE, 10, 4, 10)
UPLOADS: Final = 4
PORT: Final = 5001
CHUNK: Final = 1 << 16
# A fifth of the circuit beside nothing else says that the uploads are under way.
UNDER_WAY_OCTETS: Final = 300_000
WITHIN_S: Final = 60.0
SETTLE_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """How the call went towards the server; delays one way in ms, bulk in Mbit/s beside it."""

    lost: int
    p50_ms: float
    p99_ms: float
    bulk_mbps: float


def measure(seconds: float = 10.0) -> dict[str, float]:
    """Measure a call alone, beside uploads, and beside uploads without any queue of ours."""
    with overlay([NARROW], name="q") as made, Flows(made.world) as flows:
        made.await_care()
        idle = _upstream(_call(flows, seconds), 0.0)
        queued = beside_uploads(made, flows, seconds)
        _without_queues(made)
        bare = beside_uploads(made, flows, seconds)
    return {
        "lost": queued.lost,
        "p99_over_idle_ms": round(queued.p99_ms - idle.p99_ms, 1),
        "idle_p50_ms": idle.p50_ms,
        "idle_p99_ms": idle.p99_ms,
        "p50_ms": queued.p50_ms,
        "p99_ms": queued.p99_ms,
        "bulk_mbps": queued.bulk_mbps,
        "without_queues_lost": bare.lost,
        "without_queues_p50_ms": bare.p50_ms,
        "without_queues_p99_ms": bare.p99_ms,
        "without_queues_bulk_mbps": bare.bulk_mbps,
    }


def beside_uploads(made: Overlay, flows: Flows, seconds: float) -> Upstream:
    """Return how a call goes while uploads fill the circuit."""
    with uploads(made.world) as running:
        running.await_octets(UNDER_WAY_OCTETS)
        # The uploads' windows have grown until something was dropped by then.
        pause(SETTLE_S)
        before, start = running.octets(), monotonic()
        called = _call(flows, seconds)
        mbps = (running.octets() - before) * 8e-6 / (monotonic() - start)
    return _upstream(called, round(mbps, 2))


def _call(flows: Flows, seconds: float) -> Called:
    flows.begin(seconds)
    return flows.result()


def _upstream(called: Called, mbps: float) -> Upstream:
    """Return the worse of sound and picture."""
    up = [heard for name, heard in called.heard.items() if name.endswith(" up")]
    return Upstream(
        lost=sum(heard.lost for heard in up),
        p50_ms=max(heard.delay_p50_ms for heard in up),
        p99_ms=max(heard.delay_p99_ms for heard in up),
        bulk_mbps=mbps,
    )


def _without_queues(made: Overlay) -> None:
    for node in made.nodes:
        want = replace(node.wanted(steering(node.policy, NARROW.name)), queues=())
        with entered_namespace(node.space):
            node.plane.apply(want)


@dataclass(frozen=True, slots=True)
class Uploads:
    """The program that uploads."""

    process: "subprocess.Popen[str]"

    def octets(self) -> int:
        """Return the octets that have arrived."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def await_octets(self, least: int) -> None:
        """Return when so much has arrived."""
        eventually(lambda: self.octets() >= least, within_s=WITHIN_S, what="an upload")


@contextmanager
def uploads(world: World) -> Iterator[Uploads]:
    """Let uploads run for a while."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.bench.qos"),
            *(world.namespace("lan"), world.namespace("server")),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield Uploads(process)
    finally:
        process.kill()
        process.communicate()


class _Sink:
    """Counts what arrives."""

    def __init__(self) -> None:
        self.octets = 0

    def take(self, connection: socket.socket) -> None:
        """Read a connection to its end."""
        with suppress(OSError), connection:
            while chunk := connection.recv(CHUNK):
                self.octets += len(chunk)


def _send(connection: socket.socket) -> None:
    chunk = bytes(CHUNK)
    with suppress(OSError), connection:
        while True:
            connection.sendall(chunk)


def main(lan: str, server: str) -> None:
    """Upload until the input ends."""
    sink = _Sink()
    with entered_namespace(server):
        door = socket.create_server((str(SERVER), PORT))
    for _ in range(UPLOADS):
        with entered_namespace(lan):
            sender = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        sender.connect((str(SERVER), PORT))
        taken, _ = door.accept()
        Thread(target=sink.take, args=[taken], daemon=True).start()
        Thread(target=_send, args=[sender], daemon=True).start()
    for _ in sys.stdin:
        sys.stdout.write(f"{sink.octets}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
