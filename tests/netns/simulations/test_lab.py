"""A laboratory does what it says: real routers, real cuts, measured impairment."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from inventory.errors import LabError
from simulations.devices.faults import FaultKind
from simulations.devices.faulty_door import CRASHED
from simulations.lab.flows import start_call
from simulations.lab.lab import Lab
from simulations.netns.waiting import eventually
from tests.rigs.laboratory.lab_networks import ssh
from tests.sanaga_process import Answer, Sanaga

pytestmark = pytest.mark.netns

CONNECTION_LOST = 255
CONVERGE_WITHIN_S = 60
SITES = {"yaounde", "garoua", "maroua"}


def sessions(lab: Lab, device: str) -> tuple[int, int]:
    state = next(r for r in lab.status().routers if r.device == device)
    return state.established, state.sessions


def running(lab: Lab, device: str) -> str:
    return lab.vtysh(device, "show running-config")


def stage_description(lab: Lab, device: str, transaction: str) -> None:
    """Stage the running configuration with one description changed."""
    config = json.loads(ssh(lab, device, ["read"]).stdout)["config"]
    lines = config.splitlines()
    place = lines.index("interface lo") + 1
    assert lines[place].startswith(" description")
    lines[place] = f" description {transaction}"
    text = "\n".join(lines)
    digest = hashlib.sha256(text.encode()).hexdigest()
    request = ["stage", transaction, str(len(text.encode())), digest]
    answer = ssh(lab, device, request, stdin=text)
    assert answer.returncode == 0, answer.stdout


def outcome(lab: Lab, device: str) -> str:
    """Return how the last transaction of a router ended."""
    return str(json.loads(ssh(lab, device, ["status"]).stdout)["last"]["outcome"])


def test_every_host_reaches_every_other_in_both_protocols(whole):
    for site in SITES:
        assert whole.reachable(site) == SITES - {site}


def test_every_program_runs_and_every_session_is_up(whole):
    state = whole.status()
    assert all(not router.dead for router in state.routers)
    assert all(r.established == r.sessions > 0 for r in state.routers)
    assert {str(circuit) for circuit in state.circuits} == {"up"}


def test_provider_answers_through_its_circuit(lab):
    wire = lab.blueprint.wire("sky")
    answer = lab.exec("maroua-r1", ["ping", "-c", "2", "-W", "2", str(wire.addresses[1])])
    assert answer.returncode == 0, answer.stdout


def test_cut_is_noticed_at_both_ends_and_traffic_goes_round(whole):
    before = sessions(whole, "garoua-r1")
    whole.cut("yaounde-garoua", silent=False)
    for device in ("garoua-r1", "yaounde-r1"):
        # The carrier goes, so nobody has to wait for the hold time of 30 s.
        eventually(
            lambda: sessions(whole, device)[0] < sessions(whole, device)[1],  # noqa: B023
            within_s=20,
            what=f"loss of a session at {device}",
        )
    whole.wait_converged(CONVERGE_WITHIN_S)
    assert sessions(whole, "garoua-r1") == (before[0] - 1, before[1])
    assert whole.reachable("garoua") == SITES - {"garoua"}
    # Two fibres of 2 ms, there and back, instead of one.
    assert whole.ping("garoua", "yaounde").average_ms > 7


def test_silent_cut_is_noticed_by_bfd_while_interfaces_stay_up(whole):
    whole.cut("yaounde-garoua", silent=True)
    eventually(
        lambda: sessions(whole, "garoua-r1")[0] < sessions(whole, "garoua-r1")[1],
        within_s=CONVERGE_WITHIN_S,
        what="loss of a session",
    )
    link = whole.exec("garoua-r1", ["ip", "-br", "link", "show", "eth1"]).stdout
    assert "LOWER_UP" in link
    whole.wait_converged(CONVERGE_WITHIN_S)
    assert whole.reachable("garoua") == SITES - {"garoua"}


def test_restored_circuit_carries_again(whole):
    whole.cut("yaounde-garoua", silent=False)
    whole.wait_converged(CONVERGE_WITHIN_S)
    whole.restore("yaounde-garoua")
    eventually(
        lambda: sessions(whole, "garoua-r1")[0] == sessions(whole, "garoua-r1")[1],
        within_s=CONVERGE_WITHIN_S,
        what="the session's return",
    )


def round_trip_is(lab: Lab, floor_ms: float) -> None:
    """Require that no answer over a circuit comes before its time, and one hardly after it.

    Other work on the machine adds to answers, and to the average of a few of them 11 ms and more,
    but takes nothing away. So the quickest answer tells, and a late one is waited out.
    """

    def least_ms() -> float:
        least = lab.ping_across("yaounde-garoua").least_ms
        assert least is not None
        assert least >= floor_ms
        return least

    eventually(
        lambda: least_ms() < floor_ms + 10, within_s=60, what=f"an answer in {floor_ms + 10:g} ms"
    )


@pytest.mark.parametrize("delay_ms", [2, 32])
def test_delay_is_what_was_asked_for(whole, delay_ms):
    whole.impair("yaounde-garoua", delay_ms=delay_ms, jitter_ms=0)
    round_trip_is(whole, 2 * delay_ms)


def test_loss_is_what_was_asked_for_and_none_without(whole):
    control = whole.ping_across("yaounde-garoua", count=200, interval_s=0.01)
    whole.impair("yaounde-garoua", ("ab",), loss=0.3)
    lossy = whole.ping_across("yaounde-garoua", count=200, interval_s=0.01)
    assert control.received == control.sent
    # Binomial with n = 200 and p = 0.7: six standard deviations are 39.
    assert 101 <= lossy.received <= 179


def test_rate_holds_a_burst_back(whole):
    round_trip_is(whole, 4)
    whole.impair("yaounde-garoua", rate_mbps=0.1)
    # 98 octets take 7.84 ms each way at 0.1 Mbit/s.
    round_trip_is(whole, 4 + 15.68)


def test_impossible_impairment_is_refused_and_changes_nothing(whole):
    before = whole.status().circuits
    with pytest.raises(LabError, match="loss must be a share"):
        whole.impair("yaounde-garoua", loss=30)
    assert [c.ab.loss for c in whole.status().circuits] == [c.ab.loss for c in before]


def test_call_reports_each_second_in_both_directions(whole):
    with start_call(whole, "garoua", "yaounde", seconds=3) as flow:
        heard = flow.results()
    assert [(r.source, r.second.second) for r in heard if r.source == "garoua"] == [
        ("garoua", second) for second in range(3)
    ]
    assert {r.source for r in heard} == {"garoua", "yaounde"}
    assert sum(r.second.lost for r in heard) <= 6


def test_call_notices_a_black_hole(whole):
    # It is left as soon as it has noticed; a cut takes seconds on a busy machine.
    heard = []
    with start_call(whole, "garoua", "yaounde", seconds=60) as flow:
        seconds = flow.follow()
        heard.append(next(seconds).second)
        whole.cut("yaounde-garoua", silent=True)
        for report in seconds:
            heard.append(report.second)
            # BFD needs at least two of its three intervals of 300 ms.
            if max(s.silence_ms for s in heard) > 500 and sum(s.lost for s in heard) > 20:
                return
    pytest.fail(f"nothing of the cut in {len(heard)} seconds")


def test_call_that_is_left_early_leaves_no_process(whole):
    with start_call(whole, "garoua", "yaounde", seconds=60) as flow:
        pass
    assert flow.over


def test_door_answers_the_controllers_key_behind_the_pinned_host_key(sane):
    answer = json.loads(ssh(sane, "garoua-r1", ["status"]).stdout)
    assert answer["ok"] is True


def test_other_keys_and_passwords_are_refused(sane, tmp_path):
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    refused = ssh(sane, "garoua-r1", ["status"], IdentityFile=str(stranger))
    assert refused.returncode == CONNECTION_LOST
    assert "Permission denied (publickey)" in refused.stderr


def test_known_hosts_are_written_beside_what_was_there(sane, tmp_path):
    (tmp_path / "known_hosts").write_text("192.0.2.1 ssh-ed25519 AAAA\n")
    file = sane.write_known_hosts(tmp_path)
    assert len(file.read_text().splitlines()) == 1 + len(SITES)
    assert sane.write_known_hosts(tmp_path).read_text() == file.read_text()


def test_router_shows_its_own_name_once(sane):
    names = [x for x in running(sane, "garoua-r1").splitlines() if x.startswith("hostname")]
    assert names == ["hostname garoua-r1"]


def test_management_network_is_not_routed(sane):
    assert "198.18." not in sane.vtysh("yaounde-r1", "show bgp ipv4 unicast")


def test_crash_before_leaves_the_router_as_it_was(sane):
    stage_description(sane, "garoua-r1", "t-crash")
    before = running(sane, "garoua-r1")
    sane.fault("garoua-r1", FaultKind.CRASH_BEFORE)
    assert ssh(sane, "garoua-r1", ["commit", "t-crash", "30"]).returncode == CRASHED
    assert running(sane, "garoua-r1") == before


def test_dropped_connection_does_not_stop_the_router(sane):
    stage_description(sane, "garoua-r1", "t-drop")
    sane.fault("garoua-r1", FaultKind.DROP)
    assert ssh(sane, "garoua-r1", ["commit", "t-drop", "60"]).returncode == CONNECTION_LOST
    eventually(
        lambda: "description t-drop" in running(sane, "garoua-r1"), within_s=120, what="the commit"
    )
    sane.fault("garoua-r1", FaultKind.NONE)
    assert ssh(sane, "garoua-r1", ["rollback", "t-drop"]).returncode == 0


def test_hanging_router_is_silent_until_it_has_reverted(sane):
    stage_description(sane, "garoua-r1", "t-hang")
    before = running(sane, "garoua-r1")
    sane.fault("garoua-r1", FaultKind.HANG)
    assert ssh(sane, "garoua-r1", ["commit", "t-hang", "4"]).stdout == ""
    assert running(sane, "garoua-r1") == before
    eventually(lambda: outcome(sane, "garoua-r1") == "expired", within_s=120, what="the outcome")


def test_locked_out_router_comes_back_once_it_has_reverted(sane):
    stage_description(sane, "garoua-r1", "t-lock")
    before = running(sane, "garoua-r1")
    sane.fault("garoua-r1", FaultKind.LOCKOUT)
    lost = ssh(
        *(sane, "garoua-r1", ["commit", "t-lock", "12"]),
        ServerAliveInterval="1",
        ServerAliveCountMax="2",
    )
    assert lost.returncode == CONNECTION_LOST
    assert "description t-lock" in running(sane, "garoua-r1")
    eventually(lambda: running(sane, "garoua-r1") == before, within_s=120, what="the reversal")
    eventually(
        lambda: ssh(sane, "garoua-r1", ["status"], ConnectTimeout="1").returncode == 0,
        within_s=120,
        what="the way back",
    )


def test_refusing_router_rejects_the_change_and_is_as_before(sane):
    stage_description(sane, "garoua-r1", "t-reject")
    before = running(sane, "garoua-r1")
    sane.fault("garoua-r1", FaultKind.REJECT)
    answer = json.loads(ssh(sane, "garoua-r1", ["commit", "t-reject", "30"]).stdout)
    assert answer["error"] == "rejected"
    assert running(sane, "garoua-r1") == before


def cli(lab: Lab, folder: Path, *words: str) -> Answer:
    """Return what sanaga lab says of this laboratory."""
    verb, *rest = words
    return Sanaga(folder)("lab", verb, "--lab", lab.name, *rest)


def test_restarted_router_comes_back_without_what_was_not_confirmed(whole, sane, tmp_path):
    stage_description(sane, "garoua-r1", "t-restart")
    before = running(sane, "garoua-r1")
    assert ssh(sane, "garoua-r1", ["commit", "t-restart", "900"]).returncode == 0
    assert "description t-restart" in running(sane, "garoua-r1")
    # What a kernel was given goes with the kernel.
    sane.exec("garoua-r1", ["ip", "addr", "add", "192.0.2.9/32", "dev", "lo"]).check_returncode()
    answer = cli(sane, tmp_path, "restart", "garoua-r1")
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert answer.err == (
        "restarting garoua-r1\ngaroua-r1 runs again with its startup configuration; "
        "'sanaga lab status' shows its sessions\n"
    )
    assert running(sane, "garoua-r1") == before
    assert "192.0.2.9" not in sane.exec("garoua-r1", ["ip", "addr"]).stdout
    whole.wait_converged(CONVERGE_WITHIN_S)
    assert sessions(whole, "garoua-r1")[0] == sessions(whole, "garoua-r1")[1] > 0
    assert whole.reachable("garoua") == SITES - {"garoua"}
    status = json.loads(ssh(sane, "garoua-r1", ["status"]).stdout)
    assert (status["ok"], status["pending"]) == (True, None)
    # The control: other routers did not restart.
    assert not any(router.dead for router in sane.status().routers)


def test_fault_of_a_router_outlives_its_restart(whole, sane, tmp_path):
    sane.fault("garoua-r1", FaultKind.REJECT)
    assert cli(sane, tmp_path, "restart", "garoua-r1").code == 0
    state = next(r for r in sane.status().routers if r.device == "garoua-r1")
    assert (state.fault, state.dead) == (FaultKind.REJECT, ())
    sane.fault("garoua-r1", FaultKind.NONE)
    whole.wait_converged(CONVERGE_WITHIN_S)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("garua-r1", "did you mean 'garoua-r1'?"),
        ("xyz", "it has: garoua-r1, maroua-r1, yaounde-r1"),
    ],
)
def test_restart_of_what_is_not_there_says_what_may_be_meant(lab, tmp_path, name, advice):
    answer = cli(lab, tmp_path, "restart", name)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"sanaga: no device '{name}' in {lab.name}; {advice}\n"


def test_status_tells_which_fault_is_set(sane):
    sane.fault("maroua-r1", FaultKind.SLOW)
    states = {router.device: router.fault for router in sane.status().routers}
    assert states == {
        "yaounde-r1": FaultKind.NONE,
        "garoua-r1": FaultKind.NONE,
        "maroua-r1": FaultKind.SLOW,
    }
