"""People's namespace, a hub between, and a server behind it, which answers on some TCP ports."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from simulations.netns import namespaces

SERVE = """
import socket, sys
ports = [int(word) for word in sys.argv[1:]]
doors = [socket.create_server(("0.0.0.0", port)) for port in ports]
print("ready", flush=True)
sys.stdin.read()
"""
CALL = """
import socket, sys
try:
    with socket.create_connection((sys.argv[2], int(sys.argv[3])), 1.5, (sys.argv[1], 0)):
        print("reached")
except OSError as error:
    print("refused", error)
"""
# As CALL, with the code point of a consultation's sound (RFC 3246).
SPEAK = """
import socket, sys
with socket.socket() as speaking:
    speaking.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
    speaking.settimeout(1.5)
    speaking.bind((sys.argv[1], 0))
    try:
        speaking.connect((sys.argv[2], int(sys.argv[3])))
    except OSError as error:
        print("refused", error)
"""
# The same again and again, as a consultation that goes on.
SPEAK_ON = f"""
import time
while True:
    exec({SPEAK!r})
    time.sleep(1)
"""
# Asks a server for the IPv4 addresses of a name (RFC 1035, section 4.1).
RESOLVE = """
import socket, struct, sys
server, name = sys.argv[1:]
labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(2)
    asking.connect((server, 53))
    for attempt in range(5):
        try:
            asking.send(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\\0\\0\\1\\0\\1")
            answer = asking.recv(512)
            break
        except OSError:
            continue
    else:
        sys.exit("no answer")
print("answered")
place = 12 + len(labels) + 5
for _ in range(struct.unpack(">H", answer[6:8])[0]):
    print(socket.inet_ntoa(answer[place + 12:place + 16]))
    place += 16
"""
ROLES = ("people", "hub", "server")


@dataclass(frozen=True)
class Spaces:
    """The three namespaces of a run."""

    mark: str

    def space(self, role: str) -> str:
        return f"sgt-{self.mark}-{role}"

    def run(self, role: str, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self.space(role), *argv],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )

    def reaches(self, source: str, port: int, target: str) -> bool:
        """Return whether a connection from an address of people's opens."""
        words = (sys.executable, "-c", CALL, source, target, str(port))
        return self.run("people", *words).stdout.startswith("reached")


@contextmanager
def standing(
    spaces: Spaces, port: str, addressing: Sequence[Sequence[str]], ports: Sequence[int]
) -> Iterator[None]:
    """Have the namespaces stand for a while; addressing are ip commands for each of them.

    port is the hub's towards people, whose is p0; the hub's LAN is lan0, the server's port s0.
    """
    names = [spaces.space(role) for role in ROLES]
    try:
        namespaces.run_ip_batch(f"netns add {name}" for name in names)
        namespaces.run_ip_batch(
            [
                f"link add {port} netns {names[1]} type veth peer name p0 netns {names[0]}",
                f"link add lan0 netns {names[1]} type veth peer name s0 netns {names[2]}",
            ]
        )
        for name, lines in zip(names, addressing, strict=True):
            namespaces.run_ip_batch(["link set lo up", *lines], name)
        namespaces.set_sysctls(names[1], [("net/ipv4/conf/all/forwarding", "1")])
        argv = ["ip", "netns", "exec", names[2], sys.executable, "-c", SERVE, *map(str, ports)]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout
            assert server.stdout.readline() == "ready\n"
            yield
            server.kill()
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
