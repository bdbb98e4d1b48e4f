"""WireGuard by wireguard-go: the contract, and what may befall the process behind an interface."""

import base64
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from edge.policy.model import TunnelEndpoint
from edge.wireguard import go_process
from edge.wireguard.syncconf import WireGuardFiles
from edge.wireguard.userspace import WireGuardGo
from inventory.errors import TunnelError
from simulations.netns import namespaces
from simulations.netns.waiting import eventually
from tests.contract.wireguard_contract import WireGuardContract
from tests.rigs.stopped_process import stopped
from tests.rigs.wireguard.wireguard_rig import FAR, PORT, Pair, Place, cable, deafen
from tests.rigs.wireguard.wireguard_rig import pair as a_pair

pytestmark = pytest.mark.netns

WITHIN_S = 60
NEAR_END, FAR_END = IPv4Address("172.25.0.1"), IPv4Address("172.25.0.2")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give two places where wireguard-go works."""
    with a_pair(WireGuardGo(), within_s=WITHIN_S) as made:
        yield made


def server(place: Place) -> int:
    """Return the process that serves a place's interface."""
    (pid,) = go_process.serving_processes(place.name)
    return pid


def gone(pid: int) -> bool:
    """Return whether a process has ended; whoever inherited it may not have noticed yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


class TestWireGuardGo(WireGuardContract):
    """The contract, by wireguard-go."""


class TestWireGuardFiles(WireGuardContract):
    """The contract, by files that wg loads into wireguard-go."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[Pair]:
        with a_pair(WireGuardFiles(tmp_path, WireGuardGo()), within_s=WITHIN_S) as made:
            yield made

    def test_a_file_is_all_that_wg_needs_and_nobody_else_reads_it(self, pair: Pair, tmp_path: Path):
        pair.connect()
        file = tmp_path / f"{pair.near.name}.conf"
        assert file.stat().st_mode & 0o077 == 0
        pair.near.run("wg", "set", pair.near.name, "peer", pair.far.public, "remove")
        pair.near.run("wg", "syncconf", pair.near.name, str(file))
        assert pair.near.hears(FAR.ip, within_s=WITHIN_S)
        assert pair.near.ensure(pair.near_tunnel()) == ()

    def test_a_folder_that_takes_no_file_is_named_and_nothing_changes(
        self, pair: Pair, tmp_path: Path
    ):
        pair.near.ensure(pair.near_tunnel())
        before = pair.near.served()
        place = replace(pair.near, wireguard=WireGuardFiles(Path("/proc/none"), WireGuardGo()))
        with pytest.raises(TunnelError, match="/proc/none"):
            place.ensure(pair.near_tunnel(mtu=1280))
        assert pair.near.served() == before

    def test_a_missing_program_is_told_with_what_to_install(self, pair: Pair, tmp_path: Path):
        how = WireGuardFiles(tmp_path, WireGuardGo(), program="no-such-wg")
        with pytest.raises(TunnelError, match="install the package wireguard-tools"):
            replace(pair.near, wireguard=how).ensure(pair.near_tunnel())


def test_a_killed_process_is_noticed_and_replaced(pair: Pair):
    pair.connect()
    pid, index = server(pair.near), pair.near.served().index
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pair.near.state() is None, within_s=WITHIN_S, what="the interface's end")
    assert go_process.socket_path(pair.near.name).exists()
    words = pair.near.ensure(pair.near_tunnel())
    assert f"{pair.near.name}: took away what was left of a dead interface" in words
    assert f"{pair.near.name}: started wireguard-go" in words
    assert pair.near.served().index != index
    pair.route()
    assert pair.near.hears(FAR.ip, within_s=WITHIN_S)


def test_a_process_that_hangs_counts_as_dead_and_is_replaced(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid = server(pair.near)
    with stopped(pid):
        assert pair.near.state() is None
        assert f"{pair.near.name}: started wireguard-go" in pair.near.ensure(pair.near_tunnel())
    assert gone(pid)
    assert pair.near.ensure(pair.near_tunnel()) == ()


def test_an_interface_deleted_by_hand_is_made_anew(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid = server(pair.near)
    pair.near.run("ip", "link", "del", pair.near.name)
    assert f"{pair.near.name}: started wireguard-go" in pair.near.ensure(pair.near_tunnel())
    eventually(lambda: gone(pid), within_s=WITHIN_S, what="the end of the first process")
    assert pair.near.ensure(pair.near_tunnel()) == ()


def test_a_renamed_interface_is_made_anew_and_leaves_no_process(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid, name = server(pair.near), pair.near.name
    pair.near.run("ip", "link", "set", name, "down")
    pair.near.run("ip", "link", "set", name, "name", "elsewhere")
    assert pair.near.state() is None
    assert f"{name}: started wireguard-go" in pair.near.ensure(pair.near_tunnel())
    assert gone(pid)
    assert "elsewhere" not in pair.near.run("ip", "-o", "link")


def test_a_socket_removed_by_hand_ends_in_an_interface_made_anew(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid = server(pair.near)
    go_process.socket_path(pair.near.name).unlink()
    eventually(lambda: pair.near.state() is None, within_s=WITHIN_S, what="the interface's end")
    assert f"{pair.near.name}: started wireguard-go" in pair.near.ensure(pair.near_tunnel())
    eventually(lambda: gone(pid), within_s=WITHIN_S, what="the end of the first process")


def test_removing_ends_the_process_and_its_socket(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid = server(pair.near)
    pair.near.remove()
    assert gone(pid)
    assert not go_process.socket_path(pair.near.name).exists()


def test_an_interface_started_by_another_hand_is_adopted_and_can_be_removed(pair: Pair):
    pair.near.run("wireguard-go", pair.near.name)
    words = pair.near.ensure(pair.near_tunnel())
    assert f"{pair.near.name}: started wireguard-go" not in words
    pair.near.remove()
    assert pair.near.name not in pair.near.run("ip", "-o", "link")
    eventually(
        lambda: not go_process.socket_path(pair.near.name).exists(),
        within_s=WITHIN_S,
        what="the socket's end",
    )


def test_the_process_is_nobodys_child_and_in_a_session_of_its_own(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    pid = server(pair.near)
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    parent = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:"))
    assert int(parent) != os.getpid()
    assert os.getsid(pid) != os.getsid(0)


def test_the_private_key_shows_in_no_argument_environment_or_word(pair: Pair):
    words = pair.near.ensure(pair.near_tunnel())
    folder = Path(f"/proc/{server(pair.near)}")
    shown = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
    for text in (pair.near.key.hex(), base64.b64encode(pair.near.key).decode()):
        assert text.encode() not in shown
        assert text not in "".join(words)
        assert text not in repr(pair.near.state())


def test_a_name_in_use_in_another_namespace_is_refused_and_left_in_peace(pair: Pair):
    pair.near.ensure(pair.near_tunnel())
    before = pair.near.served()
    with namespaces.entered_namespace(pair.far.namespace):
        for act in (
            lambda: pair.far.wireguard.remove(pair.near.name),
            lambda: pair.far.wireguard.ensure(pair.near_tunnel(), pair.far.key),
        ):
            with pytest.raises(TunnelError, match="in another network namespace"):
                act()
        assert pair.far.wireguard.state(pair.near.name) is None
    assert pair.near.served() == before


def test_a_missing_program_is_named_with_its_package(pair: Pair):
    with (
        namespaces.entered_namespace(pair.near.namespace),
        pytest.raises(TunnelError, match="install the package wireguard-go"),
    ):
        WireGuardGo(program="sanaga-no-such-program").ensure(pair.near_tunnel(), pair.near.key)


@pytest.mark.parametrize("sticky", [False, True])
def test_packets_go_on_by_another_interface_when_one_vanishes(pair: Pair, *, sticky: bool):
    """With the sticky sockets of wireguard-go, the control, every packet is refused."""
    near, far = pair.near, pair.far
    cable(near.namespace, far.namespace, ("192.0.2.5/30", "192.0.2.6/30"), names=("u1", "u1"))
    for place, own, other, last in ((near, NEAR_END, FAR_END, 2), (far, FAR_END, NEAR_END, 1)):
        place.run("ip", "address", "add", f"{own}/32", "dev", "lo")
        for metric, port in ((10, "u0"), (20, "u1")):
            via = f"192.0.2.{last + 4 * (metric == 20)}"
            words = ("ip", "route", "add", str(other), "via", via, "dev", port, "src", str(own))
            place.run(*words, "metric", str(metric))
    peer = replace(pair.near_tunnel().peers[0], endpoint=TunnelEndpoint(FAR_END, PORT))
    far.ensure(replace(pair.far_tunnel(), sticky=sticky))
    near.ensure(replace(pair.near_tunnel(), peers=(peer,), sticky=sticky))
    pair.route()
    assert near.hears(FAR.ip, within_s=WITHIN_S)
    for place in (near, far):
        deafen(place.name)
    near.run("ip", "link", "delete", "u0")
    assert near.hears(FAR.ip, within_s=3 if sticky else WITHIN_S) is not sticky


def test_a_socket_is_freed_again_once_it_was_opened_anew(pair: Pair):
    tunnel = replace(pair.near_tunnel(), sticky=False)
    freed = f"{pair.near.name}: freed its socket from the interface of the last arrival"
    assert freed in pair.near.ensure(tunnel)
    assert pair.near.ensure(tunnel) == ()
    # Another port needs another socket.
    moved = replace(tunnel, listen_port=PORT + 1)
    assert freed in pair.near.ensure(moved)
    assert pair.near.ensure(moved) == ()


# Stands for wireguard-go on a machine that has few inotify instances left.
STARVED = """\
#!/bin/sh
if [ "$(cat {limit})" -lt 1024 ]; then
    echo 'ERROR: Failed to listen on uapi socket: too many open files'
    exit 1
fi
PATH=/usr/local/bin:/usr/bin exec wireguard-go "$@"
"""


@pytest.fixture
def starved(tmp_path: Path) -> tuple[str, Path]:
    """Give a wireguard-go that needs a higher limit, and where the limit stands."""
    limit, program = tmp_path / "max_user_instances", tmp_path / "starved"
    limit.write_text("128\n", encoding="ascii")
    program.write_text(STARVED.format(limit=limit), encoding="ascii")
    program.chmod(0o755)
    return str(program), limit


def test_a_low_limit_of_inotify_instances_is_raised_and_said(pair: Pair, starved: tuple[str, Path]):
    with namespaces.entered_namespace(pair.near.namespace):
        words = WireGuardGo(*starved).ensure(pair.near_tunnel(), pair.near.key)
    assert words[0] == "raised fs.inotify.max_user_instances from 128 to 1024"
    assert starved[1].read_text(encoding="ascii") == "1024\n"
    assert pair.near.state()


def test_a_limit_that_may_not_be_raised_is_named_with_its_cure(
    pair: Pair, starved: tuple[str, Path], tmp_path: Path
):
    with (
        namespaces.entered_namespace(pair.near.namespace),
        pytest.raises(TunnelError, match=r"raise fs\.inotify\.max_user_instances by sysctl"),
    ):
        WireGuardGo(starved[0], tmp_path / "absent").ensure(pair.near_tunnel(), pair.near.key)
