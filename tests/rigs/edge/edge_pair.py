"""The real daemon on edge and hub of a reference world, with policies signed on the spot."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.control import client as control
from edge.identity import enrolment
from edge.policy.canonical import SignedPolicy
from edge.policy.model import (
    CareTunnel,
    EdgePolicy,
    Peer,
    Prefix,
    TrafficClass,
    TunnelEndpoint,
    Underlay,
)
from edge.policy.model import PeerPath as EdgePath
from edge.signed import policy_envelope
from inventory.errors import EdgeError
from policies.clinical import read_catalogue
from policies.model import PathPolicy, ServiceClass
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_rig import LAN_HOST, LAN_PORT, SERVER, Line, World, port_of

End = Literal["edge", "hub"]
ENDS: Final[tuple[End, End]] = ("edge", "hub")
LOOPBACKS: Final = {"edge": IPv4Address("172.16.0.1"), "hub": IPv4Address("172.16.0.2")}
PREFIXES: Final[Mapping[End, tuple[Prefix, ...]]] = {
    "edge": (IPv4Network("10.91.1.0/24"), IPv6Network("fd91:1::/64")),
    "hub": (IPv4Network("10.91.2.0/24"), IPv6Network("fd91:2::/64")),
}
PORT: Final = 51_820
MTU: Final = 1420
CARE_MTU: Final = 1340
ISSUED: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
CLASS_MARKS: Final = 0x5A40
EXPEDITED: Final = 0xB8
# It ends a test that hangs; two daemons start side by side, each in 15 s beside a load of 13.
READY_WITHIN_S: Final = 120.0


def classes(
    *, return_after_s: int | None = None, hold_down_s: int | None = None
) -> tuple[TrafficClass, ...]:
    """Return the built-in classes, with quicker returns where they are asked for."""
    known = read_catalogue()
    return tuple(
        TrafficClass(service, _quicker(known.paths[name], return_after_s, hold_down_s))
        for name, service in known.classes.items()
    )


def _quicker(paths: PathPolicy, return_after_s: int | None, hold_down_s: int | None) -> PathPolicy:
    back = paths.return_after_s if return_after_s is None else return_after_s
    hold = paths.hold_down_s if hold_down_s is None else hold_down_s
    return replace(paths, return_after_s=back, hold_down_s=hold)


def routed(known: Iterable[TrafficClass]) -> tuple[TrafficClass, ...]:
    """Return classes of which EF and AF41 travel routed, under the duties of consultations.

    Messages and records change their code points, objectives and choices with sound and picture.
    """
    by_name = {entry.service.name: entry for entry in known}
    for care, other in (("consultation-audio", "messaging"), ("consultation-video", "records")):
        mine, theirs = by_name[care], by_name[other]
        by_name[other] = TrafficClass(
            _like(theirs.service, mine.service), replace(mine.paths, service=other)
        )
        by_name[care] = TrafficClass(
            replace(mine.service, dscp=theirs.service.dscp, share=theirs.service.share), mine.paths
        )
    return tuple(by_name.values())


def _like(service: ServiceClass, model: ServiceClass) -> ServiceClass:
    return replace(model, name=service.name, title=service.title)


@dataclass(slots=True)
class Daemon:
    """One end's daemon, its folder, and its process while it runs."""

    world: World
    end: End
    folder: Path
    policy: EdgePolicy
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def log(self) -> Path:
        """Return the file with everything the daemon has said."""
        return self.folder.with_suffix(".log")

    @property
    def pid(self) -> int:
        """Return the process number of the running daemon."""
        assert self.process is not None, "the daemon was never started"
        return self.process.pid

    def start(self, module: str = "edge.main", *arguments: str) -> None:
        """Start the daemon, or a module in its place; it may not be ready yet."""
        # What 'sanaga edge run' becomes; the command line before it would only take time.
        argv = [sys.executable, "-m", module, str(self.folder), *arguments]
        self.process = self.world.spawn(self.end, argv, self.log)

    def kill(self) -> None:
        """End the daemon's process at once, as a power cut would."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self.process is not None, "the daemon was never started"
        self.process.send_signal(number)

    def tell(self, *words: str, check: bool = True) -> str:
        """Return what a command of 'sanaga edge' answers here."""
        return self.world.exec(self.end, *_command(words[0], self.folder), *words[1:], check=check)

    def way(self, target: IPv4Address, mark: int = 0) -> str:
        """Return the interface by which the kernel would send to an address; empty for none."""
        return self.world.way(self.end, target, mark)

    def mark_of(self, dscp: int) -> int:
        """Return the mark of the class with a code point."""
        codes = [entry.service.dscp for entry in self.policy.classes]
        return CLASS_MARKS + codes.index(dscp)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both daemons of a world and the key that signs their policies."""

    world: World
    key: Ed25519PrivateKey
    daemons: Mapping[End, Daemon]

    def start(self, *, within_s: float = READY_WITHIN_S) -> None:
        """Start both daemons and wait until packets of every kind cross."""
        for daemon in self.daemons.values():
            daemon.start()
        first = self.world.lines[0].name
        eventually(self._reaches, within_s=within_s, what="answers from the server")
        if not self.care_over(first):
            # Another tunnel was up sooner, and the first would be taken back after a minute.
            self.restart_blank()
        eventually(
            lambda: self.care_over(first) and self._reaches(),
            within_s=within_s,
            what=f"care traffic over {first}, and answers from the server",
        )

    def _reaches(self) -> bool:
        return self.world.pings("lan", SERVER) and self.world.pings("lan", SERVER, tos=EXPEDITED)

    def restart_blank(self) -> None:
        """Kill both daemons, start them again without memory, and wait until both have decided."""
        memories = [daemon.folder / "state.json" for daemon in self.daemons.values()]
        for daemon, memory in zip(self.daemons.values(), memories, strict=True):
            daemon.kill()
            memory.unlink(missing_ok=True)
            daemon.start()
        for memory in memories:
            eventually(memory.exists, within_s=READY_WITHIN_S, what=f"{memory} is written")

    def whole(self) -> bool:
        """Return whether both daemons hold all of their paths for sound."""
        try:
            said = [control.request(d.folder, "status") for d in self.daemons.values()]
        except EdgeError:
            return False
        peers = [peer for one in said for peer in one["status"]["peers"]]
        return bool(peers) and all(p["state"] == "up" for peer in peers for p in peer["paths"])

    def care_over(self, line: str) -> bool:
        """Return whether the care tunnel leads over a line, in both directions."""
        return all(
            daemon.way(LOOPBACKS[_other(end)]) == tunnel_name(self.world, end, line)
            for end, daemon in self.daemons.items()
        )

    def class_over(self, line: str, dscp: int) -> bool:
        """Return whether a class that travels routed leads over a line, in both directions."""
        targets = {"edge": SERVER, "hub": LAN_HOST}
        return all(
            daemon.way(targets[end], daemon.mark_of(dscp)) == tunnel_name(self.world, end, line)
            for end, daemon in self.daemons.items()
        )

    def stop(self) -> None:
        """End both daemons in order, as 'sanaga edge stop' does; what runs no more is left."""
        for daemon in self.daemons.values():
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.tell("stop", check=False)
                with suppress(subprocess.TimeoutExpired):
                    daemon.process.wait(10)


def pair(world: World, known: tuple[TrafficClass, ...] | None = None) -> Pair:
    """Enrol edge and hub of a world and give each its first signed policy."""
    signer = Ed25519PrivateKey.generate()
    folders = {end: world.folder / f"daemon-{end}" for end in ENDS}
    keys = {
        end: enrolment.enrol(folder, end, signer.public_key()).split()[1]
        for end, folder in folders.items()
    }
    made = {end: policy(world, end, keys[_other(end)], known or classes()) for end in ENDS}
    daemons = {end: Daemon(world, end, folders[end], made[end]) for end in ENDS}
    both = Pair(world, signer, daemons)
    for end in ENDS:
        give(both, end, made[end], serial=1)
    return both


def give(pair: Pair, end: End, policy: EdgePolicy, *, serial: int) -> None:
    """Put a signed policy into a daemon's folder, as if it had been confirmed."""
    signed = policy_envelope.sign_policy(SignedPolicy(serial, ISSUED, policy), pair.key)
    (pair.daemons[end].folder / "policy.json").write_text(signed, encoding="utf-8")


def policy(world: World, end: End, peer_key: str, known: tuple[TrafficClass, ...]) -> EdgePolicy:
    """Return the policy of one end of a world."""
    far = _other(end)
    peer = Peer(
        device=far,
        public_key=peer_key,
        loopback=LOOPBACKS[far],
        prefixes=PREFIXES[far],
        paths=tuple(_path(world, end, line) for line in world.lines),
    )
    return EdgePolicy(
        network="reference",
        device=end,
        loopback=LOOPBACKS[end],
        prefixes=PREFIXES[end],
        lans=(LAN_PORT,),
        underlays=tuple(_underlay(world, end, line) for line in world.lines),
        peers=(peer,),
        care=CareTunnel(f"{world.mark}{end[0]}c", CARE_MTU),
        classes=known,
    )


def tunnel_name(world: World, end: End, line: str) -> str:
    """Return the name of a transport's interface, unique on the machine."""
    return f"{world.mark}{end[0]}{world.number(line)}"


def _underlay(world: World, end: End, line: Line) -> Underlay:
    return Underlay(
        circuit=f"{end}-{line.name}",
        interface=port_of(line.name),
        gateway=world.outer(line.name, _other(end)),
        medium=line.medium,
        metered=line.metered,
        rate_up_mbps=line.rate_mbps,
        rate_down_mbps=line.rate_mbps,
        tunnel=tunnel_name(world, end, line.name),
        tunnel_address=_inner(world, end, line),
        listen_port=PORT + world.number(line.name),
        mtu=MTU,
    )


def _path(world: World, end: End, line: Line) -> EdgePath:
    port = PORT + world.number(line.name)
    return EdgePath(
        name=f"edge-{line.name}",
        circuit=f"{end}-{line.name}",
        remote_address=_inner(world, _other(end), line),
        endpoint=TunnelEndpoint(world.outer(line.name, "hub"), port) if end == "edge" else None,
        medium=line.medium,
        metered=line.metered,
        cost=line.cost,
        rate_mbps=line.rate_mbps,
    )


def _inner(world: World, end: End, line: Line) -> IPv4Address:
    return IPv4Address(f"172.24.{1 if end == 'edge' else 2}.{1 + world.number(line.name)}")


def _other(end: End) -> End:
    return "hub" if end == "edge" else "edge"


def _command(verb: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "controller.cli.main", "edge", verb, "--dir", str(folder)]
