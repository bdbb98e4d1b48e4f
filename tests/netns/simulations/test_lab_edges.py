"""Linux edges in the laboratory: plain while blank, hidden behind operators, under the sky."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inventory.errors import LabError
from simulations.lab import lab as labs
from simulations.lab import leo_weather
from simulations.lab.lab import Lab
from simulations.netns import namespaces
from simulations.netns.capabilities import SOCKETS
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import converged, edged, leftovers, ssh, unique

pytestmark = pytest.mark.netns

WITHIN_S = 60
LISTENER = (
    "import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else "
    "socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.bind((sys.argv[1], 9999)); "
    "print('ready', flush=True); data, who = s.recvfrom(99); s.sendto(data, who); print(who[0])"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Give a converged laboratory of two sites behind blank edges."""
    with converged(edged(unique("e")), within_s=WITHIN_S) as made:
        yield made


@pytest.fixture
def whole(lab: Lab) -> Iterator[Lab]:
    """Give the laboratory, and afterwards a calm sky and every circuit restored."""
    yield lab
    leo_weather.stop_weather(lab.folder)
    for wire in lab.blueprint.wires:
        lab.restore(wire.circuit)


@contextmanager
def spawned(lab: Lab, device: str, argv: Sequence[str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a program where a device lives, and end it afterwards."""
    with namespaces.entered_namespace(lab.blueprint.namespace_of(device)):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    with process:
        yield process
        process.kill()


def socket_of(tunnel: str) -> Path:
    return SOCKETS / f"{tunnel}.sock"


def routed(lab: Lab, device: str, target: str, circuit: str) -> None:
    """Let a device reach a target over one of its circuits into a provider."""
    wire = lab.blueprint.wire(circuit)
    through = ["via", str(wire.addresses[1]), "dev", wire.a.interface]
    lab.exec(device, ["ip", "route", "replace", f"{target}/32", *through]).check_returncode()


def answers(lab: Lab, device: str, target: str) -> bool:
    argv = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", target]
    return lab.exec(device, argv).returncode == 0


def own(lab: Lab, circuit: str) -> str:
    """Return the address of a circuit's end at the edge."""
    return str(lab.blueprint.wire(circuit).addresses[0])


def test_hosts_behind_blank_edges_reach_each_other_in_both_protocols(lab):
    assert lab.reachable("garoua") == {"yaounde"}
    assert lab.reachable("yaounde") == {"garoua"}


def test_status_shows_edges_that_run_without_a_policy(lab):
    states = {edge.device: edge for edge in lab.status().edges}
    assert states.keys() == {"garoua-e1", "yaounde-e1"}
    assert all((e.dead, e.serial, e.paths) == ((), None, ()) for e in states.values())


def test_door_of_an_edge_answers_the_controllers_key(lab):
    answer = json.loads(ssh(lab, "garoua-e1", ["status"]).stdout)
    assert (answer["ok"], answer["serial"]) == (True, 0)


def test_commands_of_an_edge_find_its_daemon_where_it_lives(lab):
    argv = ["sh", "-c", 'test "$SANAGA_EDGE_DIR" = "$1"', "sh", str(lab.edge_folder("garoua-e1"))]
    assert lab.exec("garoua-e1", argv).returncode == 0
    assert lab.exec("garoua-r1", argv).returncode != 0


def test_keys_of_edges_are_pinned_beside_the_documents(lab, tmp_path):
    (tmp_path / "edge_keys").write_text("# ours\n")
    lines = lab.write_edge_keys(tmp_path).read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["#", "yaounde-e1", "garoua-e1"]


def test_killed_daemon_is_named_by_status_and_starts_again(lab):
    lab.kill_edge("garoua-e1")
    dead = {edge.device: edge.dead for edge in lab.status().edges}
    assert dead == {"yaounde-e1": (), "garoua-e1": ("edge",)}
    assert lab.reachable("garoua") == {"yaounde"}
    lab.restart_edge("garoua-e1")
    assert all(not edge.dead for edge in lab.status().edges)


@pytest.mark.parametrize("operator", ["leo", "lte"])
def test_subscriber_is_hidden_behind_its_operator(lab, operator):
    circuit, uplink = f"garoua-{operator}", f"yaounde-{operator}-uplink"
    hub = own(lab, uplink)
    routed(lab, "garoua-e1", hub, circuit)
    with spawned(lab, "yaounde-e1", ["python3", "-c", LISTENER, hub]) as listener:
        assert listener.stdout
        assert listener.stdout.readline() == b"ready\n"
        send = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        send += "s.settimeout(5); s.sendto(b'x', (sys.argv[1], 9999)); print(s.recv(9))"
        heard = lab.exec("garoua-e1", ["python3", "-c", send, hub])
        seen_from = listener.stdout.readline().decode().strip()
    # The answer came back through the translation, and the hub never learned who asked.
    assert heard.stdout == "b'x'\n"
    assert seen_from == str(lab.blueprint.wire(uplink).addresses[1])
    assert seen_from != own(lab, circuit)


@pytest.mark.parametrize("operator", ["leo", "lte"])
def test_nobody_reaches_a_subscriber_who_did_not_speak_first(lab, operator):
    circuit, uplink = f"garoua-{operator}", f"yaounde-{operator}-uplink"
    routed(lab, "yaounde-e1", own(lab, circuit), uplink)
    routed(lab, "garoua-e1", own(lab, uplink), circuit)
    assert not answers(lab, "yaounde-e1", own(lab, circuit))
    # The same two ends, asked the other way round.
    assert answers(lab, "garoua-e1", own(lab, uplink))


def test_bindings_of_an_operator_end_as_soon_as_in_practice(lab):
    read = ["cat", "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"]
    answer = lab.exec("provider-leo-operator", [*read, f"{read[1]}_stream"])
    assert answer.stdout.split() == ["30", "120"]


def test_hole_in_one_direction_lets_the_other_through(whole):
    whole.cut("garoua-leo", ("ba",), silent=True)
    state = next(c for c in whole.status().circuits if c.circuit == "garoua-leo")
    assert str(state) == "one-way hole ba"
    assert (state.ab.hole, state.ba.hole) == (False, True)


def test_weather_plays_on_low_orbit_circuits_and_leaves_what_was_done_to_them(whole):
    assert whole.ping_across("garoua-leo").least_ms < 300
    whole.impair("garoua-leo", delay_ms=200, loss=0)
    leo_weather.start_weather(whole.folder, whole.blueprint, 1)
    eventually(lambda: _weather(whole, "garoua-leo").loss > 0, within_s=120, what="the weather")
    assert whole.status().weather
    assert _weather(whole, "garoua-lte").loss == 0
    # Whatever the sky does, it is what was asked for that rules.
    assert whole.ping_across("garoua-leo").least_ms > 300
    leo_weather.stop_weather(whole.folder)
    assert not whole.status().weather
    assert _weather(whole, "garoua-leo").loss == 0
    state = next(c for c in whole.status().circuits if c.circuit == "garoua-leo")
    assert (state.ab.delay_ms, state.ab.loss) == (200, 0)


def _weather(lab: Lab, circuit: str):
    return next(c for c in lab.status().circuits if c.circuit == circuit).weather


def test_edge_that_cannot_start_is_named_and_nothing_is_left(tmp_path, monkeypatch):
    name = unique("e")
    monkeypatch.setattr("simulations.devices.edges.SANAGA", ("/bin/false",))
    with pytest.raises(LabError, match=r"(garoua|yaounde)-e1/.*: it said nothing"):
        labs.bring_up(edged(name), controller=Ed25519PrivateKey.generate().public_key())
    assert leftovers(name) == []


def test_stale_sockets_of_killed_tunnels_go_with_the_laboratory():
    name = unique("e")
    lab = labs.bring_up(edged(name), controller=Ed25519PrivateKey.generate().public_key())
    try:
        tunnel = f"sgt{os.getpid()}"
        (lab.edge_folder("garoua-e1") / "policy.json").write_text(json.dumps({"tunnel": tunnel}))
        with spawned(lab, "garoua-e1", ["wireguard-go", "-f", tunnel]) as serving:
            eventually(lambda: socket_of(tunnel).exists(), within_s=120, what="the tunnel's socket")
            serving.send_signal(signal.SIGKILL)
        assert socket_of(tunnel).exists()
    finally:
        lab.down()
    assert not socket_of(tunnel).exists()
    assert leftovers(name) == []
