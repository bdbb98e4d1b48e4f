"""A gateway that is told by the controller whom to let in: a real daemon, SSH and WireGuard."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from controller.access.registrar import Registrar
from controller.clock import SystemClock
from edge.control import client as control
from inventory.errors import EdgeError
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_rig import LAN_HOST, SERVER
from tests.rigs.edge.edge_site import Site, put
from tests.rigs.people.people_rig import ACT
from tests.rigs.people.people_site import GATEWAY, Gate, gate
from tests.rigs.people.people_spaces import RESOLVE
from tests.rigs.people.secret_traces import secrets, traces, watched
from vpn.model import Address
from vpn.wireguard import config as wireguard_config
from vpn.wireguard import parser

pytestmark = pytest.mark.netns
# WireGuard makes a new session when data is sent after so long.
REKEY_AFTER_S = 120
# It ends what hangs.
TOLD_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def standing() -> Iterator[Gate]:
    with gate() as made:
        yield made


def test_people_get_through_to_what_is_granted_as_soon_as_they_are_given_access(standing: Gate):
    said = standing.asked(
        "person", "add", "first", "--title", "F", "--role", "oncologist", "--site", "yaounde",
        "--because", "x", "--file", str(standing.sanaga.folder / f"{standing.mark}first.conf"),
    )  # fmt: skip
    assert said.splitlines()[-1] == "edge lets in 1 device"
    standing.dial(standing.sanaga.folder / f"{standing.mark}first.conf")
    assert standing.reached(LAN_HOST, 443)
    assert not standing.reached(LAN_HOST, 22)
    # Another site's service is reached through the tunnels, and answers the same way.
    eventually(lambda: standing.reached(SERVER, 443), within_s=TOLD_WITHIN_S, what="the far site")
    assert not standing.reached(SERVER, 22)
    (row,) = json.loads(standing.sanaga("vpn", "status", "-o", "json").out)
    assert (row["reached"], row["behind"], row["devices"], row["there"]) == (True, 0, 1, 1)


def test_people_say_names_and_the_gateway_s_resolver_knows_them(standing: Gate):
    records, moved = ip_address("10.91.2.80"), ip_address("10.91.2.81")
    domain = f"{standing.mark}.internal"
    with resolver(standing) as door, naming(standing) as name:
        name(("records.yaounde", (records,)), ("edge", (ip_address("172.16.0.1"),)))
        assert_known(standing, door, f"records.yaounde.{domain}", records)
        # Nobody else's resolver is asked for what is ours.
        assert_known(standing, door, f"nothing.{domain}")
        # What is called otherwise, or lies elsewhere, is known without anybody's doing.
        name(("records.yaounde", (moved,)))
        assert_known(standing, door, f"records.yaounde.{domain}", moved)
        assert_known(standing, door, f"edge.{domain}")
        # A device's file says whom to ask, and in which domain.
        file = standing.add("named")
        config = parser.parse_config(file.read_text(encoding="utf-8"), str(file))
        assert isinstance(config, wireguard_config.Config)
        assert config.dns[0] == door
        assert config.dns[-1] == domain
        standing.asked("person", "revoke", "named", "--because", "x")


@pytest.mark.long
def test_the_gateway_s_tunnels_move_to_another_key_and_people_notice_nothing(standing: Gate):
    pair = standing.edge.pair
    site, edge, hub = Site(standing.edge.world, pair), pair.daemons["edge"], pair.daemons["hub"]
    key = str(control.request(edge.folder, "rekey")["upcoming"])
    (peer,) = hub.policy.peers
    before = people_s_key(standing)
    put(site, "hub", replace(hub.policy, peers=(replace(peer, next_key=key),)))
    put(site, "edge", replace(edge.policy, key=key))

    def moved() -> bool:
        said = control.request(edge.folder, "keys")["keys"]
        return said["key"] == key and not said["waiting"]

    eventually(moved, within_s=90, what="every tunnel")
    assert people_s_key(standing) == before != key
    assert standing.reached(LAN_HOST, 443)
    eventually(lambda: standing.reached(SERVER, 443), within_s=TOLD_WITHIN_S, what="the far site")
    # What it is told from now on is sealed to the key that people know.
    standing.add("later", "nurse", "mora")
    assert standing.status()["devices"] == 2
    standing.asked("person", "revoke", "later", "--because", "x")


def people_s_key(standing: Gate) -> str:
    world = standing.edge.world
    return world.exec("edge", "wg", "show", standing.interface, "public-key").strip()


@contextmanager
def naming(standing: Gate) -> Iterator[Callable[..., None]]:
    """Yield what has the gateway know names; afterwards all is as before."""
    registrar = Registrar.open(standing.state, SystemClock())
    before = registrar.terms()
    (gateway,) = before.gateways

    def name(*names: tuple[str, tuple[Address, ...]]) -> None:
        answering = replace(before, gateways=(replace(gateway, resolver=True),), names=names)
        registrar.accept(answering, ACT)
        standing.asked("load")

    try:
        yield name
    finally:
        registrar.accept(before, ACT)
        registrar.close()
        standing.asked("load")


@contextmanager
def resolver(standing: Gate) -> Iterator[str]:
    """Have dnsmasq answer for what the daemon writes; yield the address that it has for people."""
    folder = standing.edge.folder / "names"
    folder.mkdir()
    link = standing.edge.daemon.folder / "names"
    link.symlink_to(folder)
    argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root",
            "--pid-file=", "--no-resolv", "--no-hosts", "--bind-dynamic",
            f"--interface={standing.interface}", f"--hostsdir={folder}",
            f"--local=/{standing.mark}.internal/"]  # fmt: skip
    with subprocess.Popen(
        ["ip", "netns", "exec", standing.edge.world.namespace("edge"), *argv],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            yield "172.26.0.1"
        finally:
            running.kill()
            link.unlink()


def assert_known(standing: Gate, door: str, name: str, *addresses: Address) -> None:
    """Wait until the resolver answers some addresses for a name, and no others."""
    wanted = ["answered", *map(str, addresses)]

    def answers() -> bool:
        return standing.on_host(sys.executable, "-c", RESOLVE, door, name).split() == wanted

    eventually(answers, within_s=TOLD_WITHIN_S, what=f"{name} being {wanted}")


def test_somebody_who_comes_or_goes_disturbs_nobody_else(standing: Gate):
    def session_s() -> int:
        said = standing.on_host("wg", "show", f"{standing.mark}first", "latest-handshakes")
        return int(said.split()[-1])

    before_s = session_s()
    standing.add("second", "nurse", "mora")
    assert standing.status()["devices"] == 2
    standing.asked("person", "revoke", "second", "--because", "x")
    assert standing.status()["devices"] == 1
    assert standing.reached(LAN_HOST, 443)
    # A session that is two minutes old is renewed by itself.
    assert session_s() == before_s or session_s() - before_s >= REKEY_AFTER_S - 1


def test_a_daemon_that_is_killed_lets_in_the_same_people_after_its_start(standing: Gate):
    before = standing.status()
    standing.edge.daemon.kill()
    assert standing.reached(LAN_HOST, 443)
    standing.edge.start()
    eventually(
        lambda: standing.status()["serial"] == before["serial"],
        within_s=TOLD_WITHIN_S,
        what="the same roster",
    )
    assert standing.reached(LAN_HOST, 443)
    assert not standing.reached(LAN_HOST, 22)


def test_a_filter_that_somebody_deleted_is_put_back(standing: Gate):
    world = standing.edge.world
    world.exec("edge", "nft", "delete", "table", "inet", "sanaga_people")
    eventually(
        lambda: "sanaga_people" in world.exec("edge", "nft", "list", "tables"),
        within_s=TOLD_WITHIN_S,
        what="the table",
    )
    assert not standing.reached(LAN_HOST, 22)
    assert standing.reached(LAN_HOST, 443)


def test_an_interface_that_somebody_deleted_is_made_anew(standing: Gate):
    standing.edge.world.exec("edge", "ip", "link", "del", standing.interface)
    eventually(
        lambda: standing.reached(LAN_HOST, 443), within_s=2 * TOLD_WITHIN_S, what="people again"
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text.replace('"state":', '"state":1'), "has not signed this"),
        (lambda _: "{}", "has not signed this"),
        (lambda _: "[", "no JSON from line"),
    ],
)
def test_what_the_controller_did_not_sign_is_refused_and_the_roster_stays(
    standing: Gate, spoil, reason
):
    folder, before = standing.edge.daemon.folder, standing.status()
    envelope = (folder / "people.json").read_text(encoding="utf-8")
    with pytest.raises(EdgeError, match=reason):
        control.request(folder, "people", roster=spoil(envelope))
    assert standing.status()["serial"] == before["serial"]
    assert standing.reached(LAN_HOST, 443)


def test_an_older_roster_brings_nobody_back(standing: Gate):
    folder = standing.edge.daemon.folder
    older = (folder / "people.json").read_text(encoding="utf-8")
    standing.add("third", "nurse", "mora")
    serial = standing.status()["serial"]
    with pytest.raises(EdgeError, match="is not newer than"):
        control.request(folder, "people", roster=older)
    assert standing.status()["serial"] == serial


def test_a_gateway_that_is_not_reached_is_told_of_and_told_later(standing: Gate):
    standing.edge.daemon.kill()
    said = standing.asked("person", "revoke", "third", "--because", "x", code=5)
    assert "third has no access any more" in said
    assert "no edge runs here" in said
    assert "still uses the roster of" in said
    assert "'sanaga vpn load' tries again" in said
    (row,) = json.loads(standing.sanaga("vpn", "status", "-o", "json").out)
    assert row["reached"] is False
    assert row["behind"] == 2
    standing.edge.start()
    assert "edge lets in 1 device" in standing.asked("load", "--within", "30s")
    assert standing.status()["devices"] == 1


def test_whoever_is_revoked_is_put_out_at_once(standing: Gate):
    assert standing.reached(LAN_HOST, 443)
    # What nobody lets through is no consultation.
    standing.speaks(LAN_HOST, 22)
    assert standing.status()["calling"] == []
    with standing.speaking(LAN_HOST, 443):
        eventually(
            lambda: standing.status()["calling"] == ["172.26.0.2"],
            within_s=TOLD_WITHIN_S,
            what="the consultation",
        )
        assert_cuts_the_consultation(standing)
        said = standing.asked("person", "revoke", "first", "--because", "the tablet was stolen")
    assert "this cut 1 running consultation: first's tablet\n" in said
    assert standing.status()["devices"] == 0
    assert not standing.reached(LAN_HOST, 443)
    assert not standing.reached(LAN_HOST, 22)


def assert_cuts_the_consultation(standing: Gate) -> None:
    """A list from which somebody is missing says beforehand what its plan would cut."""
    nobody = standing.sanaga.folder / "nobody.csv"
    nobody.write_text("name,title,role,site,device\n", encoding="utf-8")
    answer = standing.sanaga("vpn", "person", "plan", str(nobody), "--prune", "-o", "json")
    assert "this cuts 1 running consultation: first's tablet\n" in answer.err
    steps = json.loads(answer.out)
    assert [(s["verb"], s["name"], s["cuts_consultation"]) for s in steps] == [
        ("revoke", "first", True)
    ]


def test_no_secret_of_a_device_is_anywhere_but_in_its_file(standing: Gate):
    """All that was said, kept and run for a person's whole life with a device, searched through."""
    standing = replace(standing, sanaga=replace(standing.sanaga, forked=False))
    with watched() as ran:
        file = standing.add("fourth", "nurse", "mora")
        before = secrets(file)
        other = file.with_name(f"{file.stem}2.conf")
        standing.asked("person", "rotate", "fourth", "--because", "x", "--file", str(other))
        for words in (
            ("show", "fourth"),
            ("list",),
            ("list", "-o", "json"),
            ("show", "fourth", "-o", "json"),
        ):
            standing.asked("person", *words)
        exported = file.with_name(f"{file.stem}3.conf")
        standing.asked("person", "export", "fourth", "--because", "x", "--file", str(exported))
        standing.asked("audit")
        standing.asked("status", "-o", "json")
        standing.asked("person", "revoke", "fourth", "--because", "x")
    found = [*before, *secrets(other)]
    assert len(set(found)) == len(found) == 4
    handed = {file, other, exported}
    kept = {
        path: path.read_bytes()
        for folder in (standing.edge.folder, standing.edge.world.folder)
        for path in folder.rglob("*")
        if path.is_file() and path not in handed
    }
    # The controls: what is searched holds what must be there, and what is found is told.
    names = {path.name for path in kept}
    assert {"sanaga.sqlite", "people.json", "decisions.jsonl", "sshd.log"} <= names
    assert any(str(other).encode() in words for words in ran)
    assert traces(found[:1], {file: file.read_bytes()}) == [file]
    said = {"said": "\n".join(standing.heard).encode(), "ran": b"\n".join(ran)}
    assert traces(found, {**kept, **said}) == []


def test_stopping_the_edge_takes_people_s_interface_and_filter_away(standing: Gate):
    world = standing.edge.world
    standing.edge.daemon.tell("stop")
    assert standing.interface not in world.exec("edge", "ip", "link")
    assert "sanaga_people" not in world.exec("edge", "nft", "list", "tables")
    assert GATEWAY in world.exec("edge", "ip", "addr")
