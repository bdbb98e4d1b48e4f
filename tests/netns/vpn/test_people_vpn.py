"""A person's file on a blank host, and a gateway that was loaded by hand as the manual says.

The host has WireGuard's own tools and nothing of ours.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from uuid import uuid4

import pytest

from edge.wireguard import go_process
from simulations.netns import namespaces
from simulations.netns.waiting import eventually
from tests.cli.test_cli_vpn import ACCESS
from tests.rigs.people.people_spaces import Spaces, standing
from tests.rigs.people.vpn_folder import EDGE
from tests.sanaga_process import SMALL, Sanaga
from vpn.wireguard import keys

pytestmark = pytest.mark.netns

GATEWAY, SERVER, OTHER = "198.51.100.1", "10.0.3.140", "10.0.3.141"


@dataclass(frozen=True)
class Site(Spaces):
    """A blank host, a gateway with an interface of people, a server, and an administrator."""

    sanaga: Sanaga
    private: keys.Secret

    def interface(self, role: str) -> str:
        # The sockets of wireguard-go are common to all namespaces.
        return f"{self.mark}{role[0]}"

    def did(self, role: str, *argv: str, text: str = "") -> str:
        done = self.run(role, *argv, text=text)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}"
        return done.stdout

    def asked(self, *words: str) -> str:
        answer = self.sanaga(*words)
        assert answer.code == 0, answer.err
        return answer.out

    def load(self) -> None:
        """Do at the gateway what the manual says."""
        file = self.sanaga.folder / f"{uuid4().hex}.conf"
        self.asked("vpn", "site", "export", "yaounde-e1", "--because", "x", "--file", str(file))
        name = self.interface("hub")
        how = file.read_text(encoding="utf-8").splitlines()[1].removeprefix("#").strip()
        command = how.replace("people0", name).replace(file.name, str(file))
        self.did("hub", "bash", "-c", command)
        rules = self.asked("vpn", "site", "rules", "yaounde-e1", name)
        self.did("hub", "nft", "-f", "-", text=rules)

    def shaken(self) -> None:
        """Wait until the gateway took the host's handshake; WireGuard tries every 5 s."""

        def done() -> bool:
            name = self.interface("hub")
            said = self.did("hub", "wg", "show", name, "latest-handshakes").split()
            return bool(said) and said[-1] != "0"

        eventually(done, within_s=120, what="a handshake")

    def reached(self, port: int, target: str = SERVER, source: str = "172.26.0.2") -> bool:
        return self.reaches(source, port, target)


def administrator(folder: Path, public: str) -> Sanaga:
    """Return somebody who accepted an access policy with the gateway."""
    copytree(SMALL, folder / "small")
    for name, text in (("access", ACCESS), ("edge", EDGE.replace("vpn.example.cm", GATEWAY))):
        (folder / "small" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "small" / "edge_keys").write_text(f"yaounde-e1 {public}\n", encoding="utf-8")
    sanaga = Sanaga(folder)
    answer = sanaga("vpn", "apply", "--dir", "small", "--because", "begin")
    assert answer.code == 0, answer.err
    return sanaga


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    private = keys.generate_private()
    mark = f"pv{uuid4().hex[:6]}"
    made = Site(mark, administrator(tmp_path, keys.public_of(private)), private)
    try:
        with standing(made, "wan0", _addressing(), (443, 22)):
            _gateway(made)
            yield made
    finally:
        for role in ("people", "hub"):
            with suppress(OSError):
                go_process.end_process(made.interface(role))


def _gateway(site: Site) -> None:
    """Make the interface that the manual asks for: own key and port, first address of the block."""
    name = site.interface("hub")
    site.did("hub", "wireguard-go", name)
    key = site.private.reveal()
    site.did("hub", "wg", "set", name, "listen-port", "51820", "private-key", "/dev/stdin",
             text=key)  # fmt: skip
    namespaces.run_ip_batch([f"addr add 172.26.0.1/18 dev {name}", f"link set {name} up"],
                     site.space("hub"))  # fmt: skip


def _addressing() -> tuple[list[str], list[str], list[str]]:
    return (
        ["addr add 198.51.100.2/24 dev p0", "link set p0 up"],
        [
            f"addr add {GATEWAY}/24 dev wan0",
            "link set wan0 up",
            "addr add 10.0.3.129/26 dev lan0",
            "link set lan0 up",
        ],
        [
            f"addr add {SERVER}/26 dev s0",
            f"addr add {OTHER}/26 dev s0",
            "link set s0 up",
            "route add default via 10.0.3.129",
        ],
    )


def test_a_file_opens_what_is_granted_and_nothing_else_until_it_is_revoked(site):
    name = site.interface("people")
    file = site.sanaga.folder / f"{name}.conf"
    site.asked("vpn", "person", "add", "a-ngono", "--title", "Dr A. Ngono", "--role", "doctor",
               "--site", "mora", "--because", "x", "--file", str(file))  # fmt: skip
    site.did("people", "wg-quick", "up", str(file))
    # The control: a gateway that was told nothing lets nobody in.
    assert not site.reached(443)

    site.load()
    site.shaken()
    assert site.did("hub", "wg", "show", site.interface("hub"), "private-key").strip() == (
        site.private.reveal()
    )
    assert site.reached(443)
    assert not site.reached(22)
    assert not site.reached(443, OTHER)
    namespaces.run_ip_batch([f"addr add 172.26.0.9/32 dev {name}"], site.space("people"))
    assert not site.reached(443, source="172.26.0.9")
    assert site.reached(443)

    site.asked("vpn", "person", "revoke", "a-ngono", "--because", "the tablet was stolen")
    site.load()
    assert not site.reached(443)


def test_without_the_filter_the_same_file_opens_more(site):
    """The control: it is the filter that keeps what is not granted shut."""
    file = site.sanaga.folder / f"{site.interface('people')}.conf"
    site.asked("vpn", "person", "add", "a-ngono", "--title", "Dr A. Ngono", "--role", "doctor",
               "--site", "mora", "--because", "x", "--file", str(file))  # fmt: skip
    site.did("people", "wg-quick", "up", str(file))
    site.load()
    site.shaken()
    assert not site.reached(22)
    site.did("hub", "nft", "delete", "table", "inet", "sanaga_people")
    assert site.reached(22)
    assert site.reached(443, OTHER)
