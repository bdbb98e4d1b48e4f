"""A gateway with 1,000 people: loading it, their handshakes, and how soon a change takes effect."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import sysconf
from pathlib import Path
from time import perf_counter, time
from typing import Final

from controller.access.devices import DeviceFiles
from controller.access.registrar import Registrar
from controller.clock import SystemClock
from edge.wireguard import go_process, uapi
from inventory.errors import SanagaError
from simulations.netns import namespaces
from simulations.netns.waiting import eventually, pause
from tests.bench.measure import Figure, figure
from tests.rigs.edge.edge_rig import LAN_HOST
from tests.rigs.people.people_rig import ACT, NGONO, nowhere
from tests.rigs.people.people_site import GATEWAY, PORT, Gate, gate
from vpn.model import Person
from vpn.wireguard import keys

DEVICES: Final = 1_000
WITHIN_S: Final = 30.0
PING_S: Final = 0.01


@dataclass(frozen=True)
class Host:
    """The blank host with one interface, which is one device after the other."""

    gate: Gate

    @property
    def name(self) -> str:
        return f"{self.gate.mark}c"

    def become(self, device: DeviceFiles) -> None:
        """Be a device from now on and shake hands with the gateway."""
        config = device.files["edge"]
        (far,) = config.peers
        assert config.private_key
        assert far.preshared_key
        request = (
            "set=1",
            f"private_key={config.private_key.octets.hex()}",
            "replace_peers=true",
            f"public_key={keys.parse_secret(far.public_key).octets.hex()}",
            f"preshared_key={far.preshared_key.octets.hex()}",
            f"endpoint={GATEWAY}:{PORT}",
            "persistent_keepalive_interval=25",
            "allowed_ip=0.0.0.0/0",
        )
        uapi.accepted_fields(go_process.ask_process(self.name, "\n".join(request) + "\n\n"))
        eventually(self._shaken, within_s=WITHIN_S, what="a handshake", every_s=0.001)

    def _shaken(self) -> bool:
        (peer,) = uapi.parse_device(go_process.ask_process(self.name, uapi.GET)).peers.values()
        return peer.state.handshake_at_s > 0

    def address(self, device: DeviceFiles) -> str:
        """Have the device's address and return it."""
        own = str(device.files["edge"].addresses[0].ip)
        namespaces.run_ip_batch(
            [
                f"addr flush dev {self.name}",
                f"addr add {own}/32 dev {self.name}",
                f"route replace default dev {self.name}",
            ],
            self.gate.people,
        )
        return own


@contextmanager
def host(gate: Gate) -> Iterator[Host]:
    """Have the blank host's interface up."""
    made = Host(gate)
    try:
        gate.on_host("wireguard-go", made.name)
        namespaces.run_ip_batch([f"link set {made.name} up mtu 1280"], gate.people)
        yield made
    finally:
        with suppress(SanagaError, OSError):
            go_process.end_process(made.name)


def gateways(runs: int) -> Iterator[Figure]:
    """Load a gateway with 1,000 devices, let all shake hands, and add and revoke beside them."""
    with gate(all_ports=True) as made, host(made) as device:
        people = _people(made)
        start = perf_counter()
        made.asked("load")
        yield figure("gateway: 1,000 devices loaded, whole process", [perf_counter() - start], None)
        yield from _handshakes(made, device, people)
        added = [_added(made, number) for number in range(2 * runs + 1)]
        yield figure("gateway: added beside 1,000, until it may dial", added, 1)
        some = people[: 2 * runs + 1]
        revoked = [_revoked(made, device, one) for one in some]
        yield figure("gateway: revoked beside 1,000, until the last packet passes", revoked, 1)


def _people(gate: Gate) -> list[DeviceFiles]:
    registrar = Registrar.open(gate.state, SystemClock())
    with registrar.store.together():
        made = [
            registrar.add(Person(f"p-{number}", "T", NGONO.role, "yaounde"), "tablet", ACT, nowhere)
            for number in range(DEVICES)
        ]
    registrar.close()
    return made


def _handshakes(gate: Gate, device: Host, people: Sequence[DeviceFiles]) -> Iterator[Figure]:
    (pid,) = go_process.serving_processes(gate.interface)
    before, start = _cpu_s(pid), perf_counter()
    for one in people:
        device.become(one)
    took_s, cpu_s = perf_counter() - start, _cpu_s(pid) - before
    # Who listens knows of the last one with its next packet.
    eventually(
        lambda: gate.status()["sessions"]["ever"] == DEVICES, within_s=10, what="every session"
    )
    yield figure("gateway: 1,000 handshakes one after another", [took_s], None)
    yield _single("gateway: processor time of a handshake", 1000 * cpu_s / DEVICES, "ms")
    yield _single("gateway: wireguard-go with 1,000 sessions", _resident_mb(pid), "MB")
    daemon = _resident_mb(gate.edge.daemon.pid)
    yield _single("gateway: the edge's daemon beside it", daemon, "MB")


def _single(name: str, value: float, unit: str) -> Figure:
    return Figure(name, value, value, value, 1, None, unit)


def _added(gate: Gate, number: int) -> float:
    """Return how long it takes from the command's start until the gateway knows a device."""
    public = keys.public_of(keys.generate_private())
    known = f"public_key={keys.parse_secret(public).octets.hex()}"
    words = ("person", "add", f"new-{number}", "--title", "T", "--role", NGONO.role)
    rest = ("--site", "yaounde", "--because", "b", "--public-key", public)
    file = ("--file", str(gate.sanaga.folder / f"new-{number}.conf"))
    start = perf_counter()
    with _started(gate, *words, *rest, *file):
        eventually(
            lambda: known in go_process.ask_process(gate.interface, uapi.GET),
            within_s=WITHIN_S,
            what="the device at the gateway",
            every_s=0.02,
        )
        return perf_counter() - start


def _revoked(gate: Gate, device: Host, one: DeviceFiles) -> float:
    """Return how long after the command's start the last packet of a device was answered."""
    device.become(one)
    own = device.address(one)
    ping = ["ping", "-n", "-D", "-i", str(PING_S), "-w", "20", "-I", own, str(LAN_HOST)]
    argv = ["ip", "netns", "exec", gate.people, *ping]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as flow:
        assert flow.stdout
        for _ in range(20):
            flow.stdout.readline()
        start = time()
        with _started(gate, "person", "revoke", one.person.name, "--because", "b"):
            pass
        # Whatever still passes after the command has ended counts as well.
        pause(0.5)
        flow.terminate()
        said = flow.stdout.read()
    answered = [
        float(line[1 : line.index("]")]) for line in said.splitlines() if "icmp_seq" in line
    ]
    assert answered, "nothing passed after the command had begun"
    return max(answered) - start


@contextmanager
def _started(gate: Gate, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Have a verb run, which must succeed."""
    command = gate.sanaga.command("vpn", *words)
    with subprocess.Popen(
        command, env=gate.sanaga.environment(), stderr=subprocess.PIPE, text=True
    ) as running:
        yield running
        _, said = running.communicate(timeout=WITHIN_S)
    assert running.returncode == 0, said


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000
