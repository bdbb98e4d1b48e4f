"""The laboratory where the kernel itself carries the circuits: what the emulator's tests ask.

It may run on an emulated machine thirty times slower than a real one, so that times have a floor
and hardly a ceiling, and everything else is waited for.
"""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from inventory.errors import LabError
from simulations.impairment import CALM, Weather
from simulations.lab import lab as labs
from simulations.lab.lab import Lab
from simulations.netns import capabilities, namespaces
from simulations.netns.capabilities import Kernel
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import converged_triangle, leftovers, triangle, unique

pytestmark = pytest.mark.kernel

WITHIN_S = 240
CIRCUIT = "yaounde-garoua"
ENDS = (("yaounde-r1", "eth1"), ("garoua-r1", "eth1"))
SITES = {"yaounde", "garoua", "maroua"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Give a converged laboratory of three sites."""
    with converged_triangle("n", within_s=WITHIN_S) as made:
        yield made


@pytest.fixture
def whole(lab: Lab) -> Iterator[Lab]:
    """Give the converged laboratory, and restore the circuit afterwards."""
    lab.wait_converged(WITHIN_S)
    yield lab
    lab.restore(CIRCUIT)


def interface(lab: Lab, device: str, name: str):
    answer = lab.exec(device, ["ip", "-j", "address", "show", "dev", name])
    return json.loads(answer.stdout)[0]


def addresses(lab: Lab) -> list[set[str]]:
    """Return the addresses of both ends that somebody gave them."""
    return [
        {a["local"] for a in interface(lab, *end)["addr_info"] if a["scope"] == "global"}
        for end in ENDS
    ]


def loses_a_session(lab: Lab) -> bool:
    """Return whether both ends of the circuit miss just one session."""
    states = {router.device: router for router in lab.status().routers}
    return all(states[d].established == states[d].sessions - 1 for d, _ in ENDS)


def dropped(lab: Lab) -> int:
    """Return how many packets the queue at the circuit's first end has dropped."""
    device, name = ENDS[0]
    answer = lab.exec(device, ["tc", "-s", "-j", "qdisc", "show", "dev", name, "root"])
    return int(json.loads(answer.stdout)[0]["drops"])


def order(said: str) -> list[int]:
    """Return the numbers of the answers to ping, as they came."""
    return [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", said)]


def test_kernel_is_asked_in_a_namespace_that_is_gone_afterwards():
    before = set(namespaces.DIRECTORY.glob("*"))
    assert capabilities.probe_kernel() == Kernel(netem=True, stub="dummy")
    assert set(namespaces.DIRECTORY.glob("*")) == before


def test_circuit_is_a_pair_with_queues_and_no_emulator_runs(whole):
    for device, name in ENDS:
        queue = whole.exec(device, ["tc", "qdisc", "show", "dev", name]).stdout
        assert "netem" in queue
        assert "delay 2ms" in queue
    assert whole.status().emulator is None
    assert not whole.folder.relay_pid.exists()


def test_every_host_reaches_every_other_in_both_protocols(whole):
    for site in SITES:
        assert whole.reachable(site) == SITES - {site}


def test_every_program_runs_and_every_session_is_up(whole):
    state = whole.status()
    assert all(not router.dead for router in state.routers)
    assert all(r.established == r.sessions > 0 for r in state.routers)
    assert {str(circuit) for circuit in state.circuits} == {"up"}


def test_lan_without_a_host_is_up(whole):
    assert "UP" in interface(whole, "garoua-r1", "vlan20")["flags"]


def test_provider_answers_through_its_circuit(whole):
    wire = whole.blueprint.wire("sky")
    answer = whole.exec("maroua-r1", ["ping", "-c", "5", "-W", "5", str(wire.addresses[1])])
    assert answer.returncode == 0, answer.stdout


def test_weather_is_added_to_what_was_done_and_goes_again(whole):
    device, name = ENDS[0]
    queue = ["tc", "qdisc", "show", "dev", name]
    whole.impair(CIRCUIT, delay_ms=20, loss=0)
    whole.links.weather(CIRCUIT, Weather(delay_ms=30, loss=0.5))
    assert "delay 50ms" in whole.exec(device, queue).stdout
    assert "loss 50%" in whole.exec(device, queue).stdout
    whole.impair(CIRCUIT, delay_ms=25)
    assert "delay 55ms" in whole.exec(device, queue).stdout
    whole.links.weather(CIRCUIT, CALM)
    after = whole.exec(device, queue).stdout
    assert "delay 25ms" in after
    assert "loss" not in after


def test_delay_is_what_was_asked_for(whole):
    # A slow machine adds to answers and takes nothing away, so the quickest of them tells.
    before = whole.ping_across(CIRCUIT).least_ms
    whole.impair(CIRCUIT, delay_ms=202, jitter_ms=0)
    after = whole.ping_across(CIRCUIT).least_ms
    assert 4 <= before <= 150
    assert 403 <= after <= 800


def test_delay_of_one_direction_is_left_to_the_other(whole):
    whole.impair(CIRCUIT, ("ba",), delay_ms=202, jitter_ms=0)
    assert 203 <= whole.ping_across(CIRCUIT).average_ms <= 390
    state = next(c for c in whole.status().circuits if c.circuit == CIRCUIT)
    assert (state.ab.delay_ms, state.ba.delay_ms) == (2, 202)


def test_loss_is_what_was_asked_for_and_none_without(whole):
    control = whole.ping_across(CIRCUIT, count=200, interval_s=0.01)
    whole.impair(CIRCUIT, ("ab",), loss=0.3)
    lossy = whole.ping_across(CIRCUIT, count=200, interval_s=0.01)
    assert control.received == control.sent
    # Binomial with n = 200 and p = 0.7: six standard deviations are 39.
    assert 101 <= lossy.received <= 179


def test_rate_holds_a_burst_back(whole):
    control = whole.ping_across(CIRCUIT).least_ms
    whole.impair(CIRCUIT, rate_mbps=0.01)
    slow = whole.ping_across(CIRCUIT, interval_s=0.5).least_ms
    # 98 octets take 78 ms each way at 0.01 Mbit/s.
    assert control < 124 <= slow


def test_full_buffer_drops_the_tail(whole):
    before = dropped(whole)
    whole.ping_across(CIRCUIT, count=150, interval_s=0.002)
    assert dropped(whole) == before
    whole.impair(CIRCUIT, ("ab",), rate_mbps=0.01)
    # Twelve packets a second leave and some forty wait; even a slow sender is faster than that.
    # ping sends again what was dropped under its eyes, so only the queue tells.
    whole.ping_across(CIRCUIT, count=150, interval_s=0.002)
    assert dropped(whole) > before


@pytest.mark.parametrize("rate_mbps", [None, 100.0])
def test_jitter_keeps_the_order(whole, rate_mbps):
    whole.impair(CIRCUIT, delay_ms=200, jitter_ms=150, rate_mbps=rate_mbps)
    ends = [str(address) for address in whole.blueprint.wire(CIRCUIT).addresses]
    argv = ["ping", "-n", "-c", "30", "-i", "0.01", "-W", "5", "-I", *ends]
    came = order(whole.exec("yaounde-r1", argv).stdout)
    assert len(came) > 20
    assert came == sorted(came)


def test_impossible_impairment_is_refused_and_changes_nothing(whole):
    before = whole.status().circuits
    with pytest.raises(LabError, match="loss must be a share"):
        whole.impair(CIRCUIT, loss=30)
    assert whole.status().circuits == before


def test_cut_is_noticed_at_both_ends_and_traffic_goes_round(whole):
    whole.cut(CIRCUIT, silent=False)
    assert [interface(whole, *end)["operstate"] for end in ENDS] == ["DOWN", "DOWN"]
    eventually(lambda: loses_a_session(whole), within_s=60, what="loss of the session")
    assert [str(c) for c in whole.status().circuits if c.circuit == CIRCUIT] == ["cut"]
    whole.wait_converged(WITHIN_S)
    assert whole.reachable("garoua") == SITES - {"garoua"}
    # Two fibres of 2 ms, there and back, instead of one.
    assert whole.ping("garoua", "yaounde").average_ms >= 8


def test_restored_circuit_carries_again_with_all_its_addresses(whole):
    before = addresses(whole)
    assert [len(end) for end in before] == [2, 2]
    whole.cut(CIRCUIT, silent=False)
    eventually(lambda: loses_a_session(whole), within_s=60, what="loss of the session")
    whole.restore(CIRCUIT)
    whole.wait_converged(WITHIN_S)
    assert addresses(whole) == before
    assert whole.ping_across(CIRCUIT).received == 5


def test_silent_cut_is_noticed_by_bfd_while_interfaces_stay_up(whole):
    whole.cut(CIRCUIT, silent=True)
    # BGP alone would notice it only after its hold time of 30 s.
    eventually(lambda: loses_a_session(whole), within_s=25, what="loss of the session")
    assert all("LOWER_UP" in interface(whole, *end)["flags"] for end in ENDS)
    assert [str(c) for c in whole.status().circuits if c.circuit == CIRCUIT] == ["black hole"]
    whole.wait_converged(WITHIN_S)
    assert whole.reachable("garoua") == SITES - {"garoua"}


def test_restored_circuit_is_what_the_intent_says(whole):
    wire = whole.blueprint.wire(CIRCUIT)
    whole.impair(CIRCUIT, delay_ms=90, loss=0.5, rate_mbps=3)
    whole.restore(CIRCUIT)
    state = next(c for c in whole.status().circuits if c.circuit == CIRCUIT)
    assert (state.up, state.ab, state.ba) == (True, wire.ab, wire.ba)
    assert 4 <= whole.ping_across(CIRCUIT).average_ms <= 150


def test_up_and_down_leave_nothing():
    name = unique("n")
    before = subprocess.run(["ip", "-br", "link"], capture_output=True, check=True).stdout
    made = labs.bring_up(triangle(name))
    try:
        assert leftovers(name)
    finally:
        made.down()
    assert leftovers(name) == []
    assert subprocess.run(["ip", "-br", "link"], capture_output=True, check=True).stdout == before
