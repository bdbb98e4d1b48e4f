"""Two real daemons in namespaces, and a call between them that survives whatever happens to one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge import control, wire
from edge.journal import read
from inventory.errors import EdgeError
from simulations.lab.waiting import eventually
from tests.edge_pair import ISSUED, Pair, pair, tunnel_name
from tests.edge_rig import ROOT, SERVER, TWO, World, world

pytestmark = pytest.mark.netns

FIRST, SECOND = (line.name for line in TWO)
BEST, OTHER = f"edge-{FIRST}", f"edge-{SECOND}"
# A daemon starts within five seconds; this machine may have other things to do meanwhile.
SOON_S = 30.0


@dataclass
class Site:
    """Both ends, and the questions that tests ask of the edge's."""

    world: World
    pair: Pair

    @property
    def edge(self):
        return self.pair.daemons["edge"]

    def status(self):
        return control.asked(self.edge.folder, "status")["status"]

    def paths(self):
        return {path["name"]: path for path in self.status()["peers"][0]["paths"]}

    def classes(self):
        return {entry["name"]: entry for entry in self.status()["peers"][0]["classes"]}

    def way(self, service="portal"):
        return self.classes()[service]["path"]

    def ready(self):
        """Return whether both paths are whole and everything takes the best one."""
        try:
            paths = self.paths().values()
            whole = all(p["state"] == "up" and p["loss_out"] + p["loss_in"] < 0.01 for p in paths)
            return whole and {c["path"] for c in self.classes().values()} == {BEST}
        except (EdgeError, IndexError):
            return False

    def explained(self, kind):
        return [str(entry["what"]) for entry in read(self.edge.folder) if entry["kind"] == kind]


@contextmanager
def call(site: Site, tos: int = 0xB8) -> Iterator[list[int]]:
    """Let 50 packets a second go from a LAN to the other and back; yield how many were lost."""
    program = [sys.executable, "-m", "tests.edge_call"]
    far = [*program, "echo", str(SERVER), str(tos)]
    echo = site.world.spawn("server", far, site.world.folder / "echo.log")
    near = ["ip", "netns", "exec", site.world.namespace("lan"), *program, "call"]
    with subprocess.Popen(
        [*near, str(SERVER), str(tos)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        lost: list[int] = []
        try:
            assert running.stdout.readline() == "ready\n"
            yield lost
        finally:
            said, _ = running.communicate(timeout=30)
            echo.kill()
            echo.wait(10)
    sent, answered, twice = map(int, said.split())
    assert sent >= 100, "the call was too short to tell anything"
    assert twice == 0, "the call heard copies"
    lost.append(sent - answered)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with world(TWO, name="d") as made:
        both = pair(made)
        try:
            both.start(within_s=60)
            yield Site(made, both)
        finally:
            both.stop()


@pytest.fixture
def well(site: Site) -> Site:
    """Give the site with every line whole and both daemons at work on the best one."""
    for line in TWO:
        site.world.heal(line.name)
    for daemon in site.pair.daemons.values():
        if daemon.process is None or daemon.process.poll() is not None:
            daemon.start()
    if not site.ready():
        site.pair.restart_blank()
    eventually(site.ready, within_s=60, what="everything over the best line")
    eventually(
        lambda: site.world.pings("lan", SERVER, tos=0xB8), within_s=60, what="an answer by care"
    )
    return site


def test_call_loses_nothing_when_the_best_line_becomes_a_black_hole(well):
    with call(well) as lost:
        eventually(
            lambda: well.status()["peers"][0]["consultation"], within_s=SOON_S, what="a live call"
        )
        well.world.worsen(FIRST, hole=True)
        eventually(
            lambda: well.way("consultation-audio") == OTHER, within_s=SOON_S, what="leaving it"
        )
    assert lost == [0]
    assert any(f"{BEST} answers no more" in why for why in well.explained("decision"))


def test_without_copies_the_black_hole_is_noticed(well):
    with call(well, tos=0) as lost:
        well.world.worsen(FIRST, hole=True)
        eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the black hole")
    assert lost[0] > 0


def test_killed_daemon_leaves_traffic_alone_and_its_successor_takes_over(well):
    tunnel = tunnel_name(well.world, "edge", FIRST)
    before = well.world.exec("edge", "ip", "-o", "link", "show", tunnel).split(":")[0]
    with call(well) as lost:
        well.edge.kill()
        well.edge.start()
        eventually(well.ready, within_s=SOON_S, what="the successor at work")
    assert lost == [0]
    assert well.world.exec("edge", "ip", "-o", "link", "show", tunnel).split(":")[0] == before


def test_killed_daemon_goes_on_with_what_was_decided(well):
    well.world.worsen(FIRST, hole=True)
    eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the black hole")
    eventually(
        lambda: f'"path": "{OTHER}"' in (well.edge.folder / "state.json").read_text(),
        within_s=SOON_S,
        what="the decision on the disk",
    )
    well.edge.kill()
    well.edge.start()
    eventually(lambda: _runs(well), within_s=SOON_S, what="the successor")
    assert well.way() == OTHER


def _runs(site):
    try:
        return bool(site.status()["peers"])
    except EdgeError:
        return False


def test_call_survives_the_daemon_being_ended_by_a_signal(well):
    with call(well) as lost:
        well.edge.signal(signal.SIGTERM)
        assert well.edge.process.wait(20) == 0
        eventually(lambda: well.world.pings("lan", SERVER), within_s=SOON_S, what="an answer")
    assert lost == [0]


def test_second_daemon_is_refused_and_told_who_runs(well):
    said = well.edge.tell("run", check=False)
    assert f"runs already, as process {well.edge.pid} since" in said
    assert _runs(well)


def test_rules_deleted_by_hand_are_repaired_and_told(well):
    count = well.status()["repairs"]["count"]
    with call(well) as lost:
        well.world.exec("edge", "nft", "delete", "table", "ip", "sanaga")
        eventually(
            lambda: "table ip sanaga" in well.world.exec("edge", "nft", "list", "tables"),
            within_s=SOON_S,
            what="the table",
        )
        eventually(
            lambda: well.status()["repairs"]["count"] > count, within_s=SOON_S, what="the note"
        )
    # Meanwhile there was one copy of each packet only, and a busy machine loses one now and then.
    assert lost[0] < 10
    assert any("nft" in what for what in well.explained("repair"))


def test_killed_tunnel_process_is_started_anew_while_the_call_goes_on(well):
    tunnel = tunnel_name(well.world, "edge", FIRST)
    pids = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _argv(entry)[-1:] == [tunnel]
    ]
    if not pids:
        pytest.skip("the kernel's own WireGuard has no process to kill")
    with call(well) as lost:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: well.paths()[BEST]["state"] != "up", within_s=SOON_S, what="noticing")
        eventually(
            lambda: well.paths()[BEST]["state"] == "up", within_s=60, what="the tunnel made anew"
        )
    assert lost == [0]


def _argv(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except OSError:
        return []


def test_renamed_interface_is_a_path_that_is_down_for_a_reason_and_comes_back(well):
    port = f"w-{FIRST}"
    try:
        for words in (("down",), ("name", "elsewhere")):
            well.world.exec("edge", "ip", "link", "set", port, *words)
        found = eventually(
            lambda: (p := well.paths()[BEST])["state"] == "down" and p["reason"],
            within_s=SOON_S,
            what="the path being down",
        )
        assert found == f"the interface {port} is gone"
        eventually(lambda: well.way() == OTHER, within_s=SOON_S, what="leaving the path")
    finally:
        well.world.exec("edge", "ip", "link", "set", "elsewhere", "name", port, check=False)
        well.world.exec("edge", "ip", "link", "set", port, "up")
    eventually(lambda: well.paths()[BEST]["state"] == "up", within_s=60, what="the path again")


def signed_anew(site: Site, **changes: object) -> str:
    serial = int(site.status()["policy"]["serial"]) + 1
    changed = replace(site.edge.policy, **changes)
    return wire.sign(wire.SignedPolicy(serial, ISSUED, changed), site.pair.key)


def test_trial_returns_by_itself_although_the_daemon_was_killed_meanwhile(well):
    before = control.asked(well.edge.folder, "read")["config"]
    candidate = signed_anew(well, network="another")
    control.asked(well.edge.folder, "stage", txn="trial", candidate=candidate)
    with call(well) as lost:
        control.asked(well.edge.folder, "commit", txn="trial", within_s=8)
        assert '"network": "another"' in control.asked(well.edge.folder, "read")["config"]
        well.edge.kill()
        well.edge.start()
        eventually(
            lambda: _runs(well) and well.status()["policy"]["pending"] is None,
            within_s=SOON_S,
            what="the return",
        )
    assert lost == [0]
    assert control.asked(well.edge.folder, "read")["config"] == before


def test_refused_policy_leaves_the_running_one_at_work(well):
    before = control.asked(well.edge.folder, "read")["config"]
    forged = signed_anew(well).replace("reference", "forged")
    with pytest.raises(EdgeError, match="has not signed this"):
        control.asked(well.edge.folder, "stage", txn="forged", candidate=forged)
    assert control.asked(well.edge.folder, "read")["config"] == before


def test_stopped_edge_leaves_nothing_in_the_kernel(well):
    well.edge.tell("stop")
    well.edge.process.wait(20)
    left = "".join(
        well.world.exec("edge", *words)
        for words in (
            ("ip", "rule"),
            ("ip", "-6", "rule"),
            ("ip", "route", "show", "table", "all"),
            ("nft", "list", "tables"),
            ("ip", "link"),
            ("tc", "qdisc"),
        )
    )
    assert "sanaga" not in left
    assert "proto 90" not in left
    assert "htb" not in left
    assert tunnel_name(well.world, "edge", FIRST)[:-1] not in left
    assert not (well.edge.folder / "undo.json").exists()
