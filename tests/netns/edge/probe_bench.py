"""Two namespaces joined by an emulated circuit, with an end of a probed path in each."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from os import kill
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import uuid4

from simulations.impairment import Impairment
from simulations.netns import namespaces
from simulations.netns.blueprint import Wire
from simulations.netns.blueprint import WireEnd as Plug
from simulations.netns.links import RelayCircuits
from simulations.netns.registry import Folder
from tests.rigs.probes.probe_rig import End, end

HERE: Final = IPv4Address("10.99.0.1")
THERE: Final = IPv4Address("10.99.0.2")
PORT_NAME: Final = "w0"
# Ten milliseconds each way, so that answers are under way for a while.
PLAIN: Final = Impairment(delay_ms=10)
CIRCUIT: Final = "wire"
_MACS: Final = ("02:00:00:00:00:01", "02:00:00:00:00:02")


@dataclass
class Bench:
    """A circuit between two namespaces; here is its end a."""

    here: str
    there: str
    circuits: RelayCircuits
    wire: Wire

    def impair(self, *, out: Impairment = PLAIN, back: Impairment = PLAIN) -> None:
        """Change both directions at once."""
        self.circuits.impair(self.wire, {"ab": out, "ba": back})

    def octets(self) -> int:
        """Return the octets that crossed the circuit in both directions, Ethernet included."""
        state = self.circuits._order({"order": "status"})[CIRCUIT]
        return sum(state[side]["counters"]["octets"] for side in ("ab", "ba"))

    async def open_session(self, one: End, namespace: str) -> None:
        """Open only what asks, where a reflector answers already."""
        with namespaces.entered_namespace(namespace):
            await one.session.open()

    async def ends(self, pace_s: float) -> tuple[End, End]:
        """Return both ends, probing."""
        both = (
            end(HERE, THERE, interface=PORT_NAME),
            end(THERE, HERE, interface=PORT_NAME),
        )
        sides = tuple(zip(both, (self.here, self.there), strict=True))
        for one, namespace in sides:
            one.session.pace_s = pace_s
            with namespaces.entered_namespace(namespace):
                await one.reflector.open()
        for one, namespace in sides:
            await self.open_session(one, namespace)
        return both

    def ip(self, *words: str, namespace: str) -> None:
        """Run ip in a namespace."""
        namespaces.run_ip_batch([" ".join(words)], namespace)

    def duplicate(self, namespace: str, to: IPv4Address) -> None:
        """Let everything that probes send from a namespace leave it twice."""
        rules = (
            "table ip copies {\n chain out {\n  type filter hook output priority 0;\n"
            f'  ip protocol udp dup to {to} device "{PORT_NAME}"\n }}\n}}\n'
        )
        with namespaces.entered_namespace(namespace):
            subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    @contextmanager
    def far_process(self) -> Iterator["subprocess.Popen[str]"]:
        """Run the far end as a process of its own; it tells its counters when it ends."""
        argv = [sys.executable, "-m", "tests.netns.edge.probe_far_end"]
        with namespaces.entered_namespace(self.there):
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        try:
            assert process.stdout
            assert process.stdout.readline() == "probing\n"
            yield process
        finally:
            process.kill()
            process.communicate()

    def told_by(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        """Let the far end end, and return what it saw."""
        assert process.stdin
        assert process.stdout
        process.stdin.write("\n")
        process.stdin.flush()
        told: dict[str, Any] = json.loads(process.stdout.readline())
        return told


@contextmanager
def bench() -> Iterator[Bench]:
    """Give two namespaces and the circuit between them, and take them away afterwards."""
    name = f"sgt-pr{uuid4().hex[:6]}"
    here, there = f"{name}-a", f"{name}-b"
    wire = Wire(CIRCUIT, Plug(here, PORT_NAME), Plug(there, PORT_NAME), PLAIN, PLAIN, (HERE, THERE))
    folder = Folder(name, Path(mkdtemp(prefix=name)))
    folder.path.mkdir()
    made = Bench(here, there, RelayCircuits(folder, here), wire)
    try:
        namespaces.run_ip_batch([f"netns add {here}", f"netns add {there}"])
        for namespace in (here, there):
            disable = [("net/ipv6/conf/default/disable_ipv6", "1")]
            namespaces.set_sysctls(namespace, disable)
        made.circuits.start([wire])
        _address(made)
        yield made
    finally:
        _take_away(made, folder)


def _address(made: Bench) -> None:
    """Give addresses, and neighbours that need not be asked for, so that only probes cross."""
    sides = ((made.here, HERE, THERE), (made.there, THERE, HERE))
    for (namespace, local, remote), mac, other in zip(sides, _MACS, _MACS[::-1], strict=True):
        namespaces.run_ip_batch(
            [
                "link set lo up",
                f"link set {PORT_NAME} address {mac}",
                f"address add {local}/24 dev {PORT_NAME}",
                f"link set {PORT_NAME} up",
                f"neigh replace {remote} lladdr {other} dev {PORT_NAME} nud permanent",
            ],
            namespace,
        )


def _take_away(made: Bench, folder: Folder) -> None:
    with suppress(OSError, ValueError):
        kill(int(folder.relay_pid.read_text()), signal.SIGKILL)
    for namespace in (made.here, made.there):
        subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
    shutil.rmtree(folder.root)


def changed(**changes: Any) -> Impairment:
    """Return the plain circuit's behaviour with something changed."""
    return replace(PLAIN, **changes)
