"""What others do, on the same circuits: plain WireGuard tunnels, and FRR or a script over them."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER, TUNNEL_SOCKETS, World

End = Literal["edge", "hub"]
ENDS: Final[tuple[End, End]] = ("edge", "hub")
MTU: Final = 1400
PORT: Final = 51_820
WITHIN_S: Final = 40.0
FRR: Final = Path("/usr/lib/frr")
# Each end's own LAN and its number as an autonomous system.
LANS: Final = {"edge": "10.91.1.0/24", "hub": "10.91.2.0/24"}
NUMBERS: Final = {"edge": 65_001, "hub": 65_002}

BGP: Final = """\
router bgp {own}
 bgp router-id {address}
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp bestpath as-path multipath-relax
{neighbours}
 address-family ipv4 unicast
  network {lan}
  maximum-paths 1
{preferences}
 exit-address-family
exit
route-map FIRST permit 10
 set local-preference 200
exit
"""
NEIGHBOUR: Final = """\
 neighbor {far} remote-as {other}
 neighbor {far} timers connect 1
 neighbor {far} advertisement-interval 0
 neighbor {far} bfd 3 {bfd_ms} {bfd_ms}"""
OSPF: Final = """\
interface {tunnel}
 ip ospf network point-to-point
 ip ospf area 0
 ip ospf cost {cost}
exit
"""
# As administrators write it: three missed pings, a second apart, and the other way is taken;
# three answered ones, and the first is taken back.
PING_SCRIPT: Final = """\
missed=0 answered=0
while :; do
  if ping -n -q -c1 -W1 -I "$1" "$2" >/dev/null 2>&1; then
    missed=0 answered=$((answered + 1))
    [ "$answered" -eq 3 ] && ip route replace "$3" dev "$1"
    sleep 1
  else
    answered=0 missed=$((missed + 1))
    [ "$missed" -eq 3 ] && ip route replace "$3" dev "$4"
  fi
done
"""


@dataclass(frozen=True, slots=True)
class Tunnels:
    """Plain WireGuard tunnels over every line of a world, one interface each."""

    world: World

    def name(self, line: str, end: End) -> str:
        """Return the name of a tunnel's interface, unique on the machine."""
        return f"{self.world.mark}{end[0]}{self.world.number(line)}"

    def address(self, line: str, end: End) -> str:
        """Return the address of an end inside a tunnel."""
        return f"172.24.{self.world.number(line)}.{1 if end == 'edge' else 2}"

    def start(self) -> None:
        """Make the tunnels and wait until each carries packets."""
        for line in self.world.lines:
            keys = {end: X25519PrivateKey.generate() for end in ENDS}
            for end in ENDS:
                self._start_end(line.name, end, keys)
        for line in self.world.lines:
            far, near = self.address(line.name, "hub"), self.name(line.name, "edge")
            answers = partial(self._answers, near, far)
            eventually(answers, within_s=WITHIN_S, what=f"an answer through {near}")

    def _answers(self, near: str, far: str) -> bool:
        words = ("ping", "-n", "-c1", "-W1", "-I", near, far)
        return " 1 received" in self.world.exec("edge", *words, check=False)

    def _start_end(self, line: str, end: End, keys: dict[End, X25519PrivateKey]) -> None:
        world, name, far = self.world, self.name(line, end), _other(end)
        world.spawn(end, ["wireguard-go", "-f", name], world.folder / f"{name}.log")
        # The socket has its name before anybody listens there.
        eventually(partial(_serves, name), within_s=10, what=f"{name} serves")
        _configure(
            name,
            f"private_key={_private(keys[end])}",
            f"listen_port={PORT + world.number(line)}",
            f"public_key={_public(keys[far])}",
            f"endpoint={world.outer(line, far)}:{PORT + world.number(line)}",
            "persistent_keepalive_interval=25",
            "allowed_ip=0.0.0.0/0",
        )
        address = f"{self.address(line, end)}/30"
        world.exec(end, "ip", "addr", "add", address, "dev", name)
        world.exec(end, "ip", "link", "set", name, "mtu", str(MTU), "up")

    def routes(self, line: str) -> None:
        """Lead both LANs over a line."""
        for end in ENDS:
            route = ("route", "replace", LANS[_other(end)], "dev", self.name(line, end))
            self.world.exec(end, "ip", *route)

    def lead_over(self, line: str) -> bool:
        """Return whether the kernel routes both LANs over a line now."""
        return all(self._leads(line, end) for end in ENDS)

    def _leads(self, line: str, end: End) -> bool:
        target = SERVER if end == "edge" else LAN_HOST
        return self.world.way(end, target) == self.name(line, end)


def start_ping_script(tunnels: Tunnels) -> None:
    """Run the script at both ends, watching the first line."""
    first, second = (line.name for line in tunnels.world.lines[:2])
    tunnels.routes(first)
    for end in ENDS:
        far = _other(end)
        words = (tunnels.name(first, end), tunnels.address(first, far), LANS[far])
        script = ["bash", "-c", PING_SCRIPT, "ping-script", *words, tunnels.name(second, end)]
        tunnels.world.spawn(end, script, tunnels.world.folder / f"ping-{end}.log")


def start_bgp(tunnels: Tunnels, bfd_ms: int) -> None:
    """Run BGP with BFD between edge and hub over every line; the first is preferred."""
    for end in ENDS:
        _start_frr(tunnels.world, end, ("zebra", "bfdd", "bgpd"), _bgp(tunnels, end, bfd_ms))


def start_ospf(tunnels: Tunnels) -> None:
    """Run OSPF with its default timers between edge and hub over every line."""
    for end in ENDS:
        _start_frr(tunnels.world, end, ("zebra", "ospfd"), "".join(_ospf(tunnels, end)))


def _bgp(tunnels: Tunnels, end: End, bfd_ms: int) -> str:
    far = _other(end)
    addresses = [tunnels.address(line.name, far) for line in tunnels.world.lines]
    words = {"other": NUMBERS[far], "bfd_ms": bfd_ms}
    return BGP.format(
        own=NUMBERS[end],
        address=tunnels.address(tunnels.world.lines[0].name, end),
        neighbours="\n".join(NEIGHBOUR.format(far=address, **words) for address in addresses),
        lan=LANS[end],
        preferences=f"  neighbor {addresses[0]} route-map FIRST in",
    )


def _ospf(tunnels: Tunnels, end: End) -> Iterator[str]:
    for line in tunnels.world.lines:
        yield OSPF.format(tunnel=tunnels.name(line.name, end), cost=line.cost)
    yield "interface lan0\n ip ospf area 0\n ip ospf passive\nexit\n"
    address = tunnels.address(tunnels.world.lines[0].name, end)
    yield f"router ospf\n ospf router-id {address}\nexit\n"


def _start_frr(world: World, end: End, daemons: tuple[str, ...], config: str) -> None:
    folder = world.folder / f"frr-{end}"
    folder.mkdir()
    for name, text in (("blank.conf", ""), ("vtysh.conf", ""), ("frr.conf", config)):
        (folder / name).write_text(text, encoding="ascii")
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "frr", "frr")
    for daemon in daemons:
        files = ("-f", folder / "blank.conf", "-i", folder / f"{daemon}.pid")
        place = ("-z", folder / "zserv.sock", "--vty_socket", folder)
        more = ("--bfdctl", folder / "bfdd.sock") if daemon == "bfdd" else ()
        log = ("--log", f"file:{folder / daemon}.log")
        words = (FRR / daemon, "-d", *files, *place, "-u", "frr", "-g", "frr", "-P", "0")
        world.exec(end, *map(str, (*words, *log, *more)))
    door = ("vtysh", "--vty_socket", folder, "--config_dir", folder)
    _run(*map(str, (*door, "-f", folder / "frr.conf")))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{argv[0]}: {done.stdout}{done.stderr}"


def _serves(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        return door.connect_ex(str(TUNNEL_SOCKETS / f"{name}.sock")) == 0


def _configure(name: str, *lines: str) -> None:
    """Set a user-space tunnel up over its own socket, so that no key is ever an argument."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(5)
        door.connect(str(TUNNEL_SOCKETS / f"{name}.sock"))
        door.sendall("\n".join(("set=1", *lines, "", "")).encode())
        said = door.recv(4096).decode()
    assert "errno=0" in said, f"{name}: {said}"


def _other(end: End) -> End:
    return "hub" if end == "edge" else "edge"


def _private(key: X25519PrivateKey) -> str:
    raw = serialization.Encoding.Raw, serialization.PrivateFormat.Raw
    return key.private_bytes(*raw, serialization.NoEncryption()).hex()


def _public(key: X25519PrivateKey) -> str:
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return key.public_key().public_bytes(*raw).hex()
