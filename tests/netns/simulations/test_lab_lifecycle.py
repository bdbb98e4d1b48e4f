"""A laboratory leaves nothing behind, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from inventory.errors import LabError
from simulations.devices.faults import FaultKind
from simulations.lab import lab as labs
from simulations.lab import lifecycle
from simulations.netns import namespaces, processes, registry
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import leftovers, triangle, unique
from tests.sanaga_process import SMALL

pytestmark = pytest.mark.netns


@pytest.fixture
def folder(tmp_path, blank_name) -> Path:
    """Give an intent folder whose laboratory has a name of its own."""
    made: Path = tmp_path / "intent"
    shutil.copytree(SMALL, made)
    text = (made / "network.yaml").read_text()
    text = text.replace("name: small", f"name: {blank_name}")
    text = text.replace("sanaga-small-noc", f"sanaga-{blank_name}-noc")
    (made / "network.yaml").write_text(text)
    return made


def start_up(folder: Path) -> "subprocess.Popen[bytes]":
    # Who runs the tests under nohup ignores the signal, and what is ignored is inherited.
    heeding = ("env", "--default-signal=HUP")
    command = [*heeding, sys.executable, "-m", "controller.cli.main", "lab", "up", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def half_made(name: str) -> bool:
    """Return whether daemons are there already, but not yet those of the last router."""
    place = registry.lab_folder(name)
    return place.exists() and bool(list(place.path.glob("*/zebra.pid")))


def test_blank_routers_know_nothing_but_their_names(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    config = lab.vtysh("garoua-r1", "show running-config")
    assert "hostname garoua-r1" in config
    assert "router bgp" not in config
    assert "interface" not in config


def test_up_and_down_leave_nothing(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    assert leftovers(blank_name)
    lab.down()
    assert leftovers(blank_name) == []
    assert blank_name not in registry.lab_names()


def test_down_twice_and_down_of_nothing_are_no_errors(blank_name):
    labs.bring_up(triangle(blank_name)).down()
    labs.take_down(blank_name)
    labs.take_down(blank_name)
    assert leftovers(blank_name) == []


def test_second_up_is_refused_and_harms_nothing(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    with pytest.raises(LabError, match="is there already"):
        labs.bring_up(triangle(blank_name))
    assert all(not router.dead for router in lab.status().routers)


def test_down_after_the_emulator_was_killed(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    pid = processes.read_pid(lab.folder.relay_pid)
    if pid is None:
        # With the kernel's own netem there is no emulator to kill; tests/kernel looks at that.
        assert lab.netem
        labs.take_down(blank_name)
        return
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: lab.status().emulator is False, within_s=120, what="the emulator's death")
    with pytest.raises(LabError, match="link emulator"):
        lab.cut("yaounde-garoua", silent=True)
    lab.down()
    assert leftovers(blank_name) == []


def test_dead_daemon_is_named_by_status(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    pid = processes.read_pid(lab.folder.router("garoua-r1") / "bgpd.pid")
    assert pid
    os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: [r.dead for r in lab.status().routers if r.dead] == [("bgpd",)],
        within_s=60,
        what="the missing daemon",
    )


def test_down_after_up_was_killed_half_way(blank_name, folder):
    with start_up(folder) as maker:
        eventually(
            lambda: half_made(blank_name), within_s=30, what="half a laboratory", every_s=0.005
        )
        maker.kill()
    assert leftovers(blank_name)
    labs.take_down(blank_name)
    assert leftovers(blank_name) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_up_cleans_up_by_itself_when_it_is_interrupted(blank_name, folder, number):
    with start_up(folder) as maker:
        eventually(
            lambda: half_made(blank_name), within_s=30, what="half a laboratory", every_s=0.005
        )
        maker.send_signal(number)
        code = maker.wait(60)
    assert code != 0
    assert leftovers(blank_name) == []


def test_up_that_fails_cleans_up_by_itself(blank_name):
    intent = triangle(blank_name)
    with pytest.raises(LabError, match="vtysh did not start"):
        labs.bring_up(intent, configs={"garoua-r1": "this is no configuration\n"})
    assert leftovers(blank_name) == []


def test_strangers_namespace_of_the_same_name_is_left_alone(blank_name):
    name = f"sanaga-{blank_name}-garoua-r1"
    namespaces.run_ip_batch([f"netns add {name}"])
    try:
        with pytest.raises(LabError, match="not ours"):
            labs.bring_up(triangle(blank_name))
        assert namespaces.namespace_exists(name)
    finally:
        namespaces.run_ip_batch([f"netns del {name}"])


def test_shells_left_in_a_laboratory_end_with_it(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    with namespaces.entered_namespace(lab.blueprint.namespace_of("garoua")):
        shell = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    with shell:
        lab.down()
        assert shell.wait(5) == -signal.SIGKILL
    assert leftovers(blank_name) == []


def test_down_from_within_the_laboratory_does_not_end_itself_half_way(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    with namespaces.entered_namespace(lab.blueprint.namespace_of("garoua")):
        lab.down()
    assert leftovers(blank_name) == []


def test_all_processes_end_even_when_somebody_unnamed_their_namespace(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    name = lab.blueprint.namespace_of("garoua-r1")
    with namespaces.entered_namespace(name):
        shell = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    inside = await_processes(name, ["cat", "lldpd", "lldpd"])
    namespaces.run_ip_batch([f"netns del {name}"])
    assert {f"process {process.pid}" for process in inside} <= {*leftovers(blank_name)}
    lab.down()
    with shell:
        assert shell.wait(5) == -signal.SIGKILL
    assert not any(process.alive() for process in inside)
    assert leftovers(blank_name) == []


def await_processes(namespace: str, programs: list[str]) -> set[processes.Process]:
    """Return the processes of these programs; lldpd becomes two a moment after its start."""

    def found() -> list[tuple[str, int]]:
        named = [(program(pid), pid) for pid in namespaces.processes_in([namespace])]
        return [(name, pid) for name, pid in named if name in programs]

    eventually(
        lambda: sorted(name for name, _ in found()) == programs,
        within_s=60,
        what=f"the start of {programs}",
    )
    known = [processes.identify_process(pid) for _, pid in found()]
    return {process for process in known if process is not None}


def program(pid: int) -> str:
    """Return the name of a process's program; nothing when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def test_processes_of_an_unnamed_namespace_are_seen(blank_name):
    other, place = f"sgt-{blank_name}", registry.ROOT / blank_name
    place.mkdir(parents=True)
    namespaces.run_ip_batch([f"netns add {other}"])
    with ExitStack() as ending:
        ending.callback(remove_if_there, other)
        log = ending.enter_context((place / "log").open("w"))
        with namespaces.entered_namespace(other):
            known, beside = (
                ending.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=said))
                for said in (log, subprocess.DEVNULL)
            )
        (place / "log").unlink()
        place.rmdir()
        # While the namespace has a name, who else lives there may be a stranger.
        assert leftovers(blank_name) == [f"process {known.pid}"]
        remove_if_there(other)
        both = sorted((known.pid, beside.pid))
        assert leftovers(blank_name) == [f"process {pid}" for pid in both]
    assert leftovers(blank_name) == []


def remove_if_there(name: str) -> None:
    """Take a namespace's name away."""
    if namespaces.namespace_exists(name):
        namespaces.run_ip_batch([f"netns del {name}"])


def test_two_laboratories_live_side_by_side(blank_name):
    other_name = unique("c")
    one = labs.bring_up(triangle(blank_name))
    try:
        other = labs.bring_up(triangle(other_name))
        assert {blank_name, other_name} <= set(registry.lab_names())
        one.cut("yaounde-garoua", silent=False)
        assert {str(circuit) for circuit in other.status().circuits} == {"up"}
        one.down()
        assert all(not router.dead for router in other.status().routers)
        assert other.status().emulator is not False
    finally:
        labs.take_down(other_name)
    assert leftovers(other_name) == []


def test_new_neighbour_is_really_refused_by_bgpd_until_the_router_is_repaired(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    wire = lab.blueprint.wire("yaounde-garoua")
    line = f"neighbor {wire.addresses[0]} remote-as 65001"
    lab.fault("garoua-r1", FaultKind.REJECT)
    # vtysh of FRR 8.4 ends with 0 whatever bgpd says.
    said = [_configure(lab, line)]
    lab.fault("garoua-r1", FaultKind.NONE)
    said.append(_configure(lab, line))
    assert "Can not configure the local system as neighbor" in said[0]
    assert said[1] == ""


def _configure(lab: labs.Lab, line: str) -> str:
    folder = str(lab.folder.router("garoua-r1"))
    argv = ["vtysh", "--vty_socket", folder, "--config_dir", folder]
    argv += ["-c", "configure", "-c", "router bgp 65000", "-c", line]
    return lab.exec("garoua-r1", argv).stdout


def test_destroying_while_somebody_builds_is_refused(blank_name):
    lab = labs.bring_up(triangle(blank_name))
    with registry.locked_registry(lab.folder), pytest.raises(LabError, match="another process"):
        lifecycle.destroy_lab(lab.folder)
