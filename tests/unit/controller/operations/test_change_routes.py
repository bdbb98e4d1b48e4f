"""Plans and applies over the API, on routers that live in memory."""

from dataclasses import dataclass
from typing import Any

import pytest

from accounts.roles import Grant
from controller.apply import run
from controller.consultations.model import Announcement
from controller.drivers.memory import Faults, MemoryNetwork
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.api_bench import ApiBench, api_bench
from tests.sanaga_process import SMALL

GRANTS = {
    "engineer": (Grant(Role.NETWORK_ENGINEER, ""),),
    "second": (Grant(Role.NETWORK_ENGINEER, ""),),
    "northern": (Grant(Role.NETWORK_ENGINEER, "yaounde/garoua"),),
    "operator": (Grant(Role.NOC_OPERATOR, ""),),
}


@dataclass
class Bench:
    """The API, and the routers behind it."""

    api: ApiBench
    network: MemoryNetwork

    def send(self, method: str, path: str, who: str = "engineer", headers: Any = None, **body: Any):
        given = {"who": who, **(headers or {})}
        sent = body if method != "GET" else None
        return self.api.client.request(method, f"/api/v1{path}", headers=given, body=sent)

    def get(self, path: str, who: str = "engineer") -> Any:
        return self.api.get(path, who)

    def ended(self, answer: Any) -> Any:
        """Wait for the operation that an answer began, and return it."""
        assert answer.status_code == 202, answer.text
        number = answer.json()["id"]
        assert answer.headers["location"] == f"/api/v1/operations/{number}"
        assert self.api.changes.operations.wait(number, 60)
        return self.get(f"/operations/{number}")

    def planned(self, **choices: Any) -> Any:
        """Make a plan and return it as the API shows it."""
        made = self.ended(self.send("POST", "/plans", **choices))
        assert made["state"] == "done", made
        return self.get(f"/plans/{made['result']['plan']}")

    def apply(self, plan: Any, who: str = "engineer", headers: Any = None, **asked: Any):
        body = {"digest": plan["digest"], **asked}
        return self.send("POST", f"/plans/{plan['number']}/apply", who, headers, **body)

    def running(self) -> set[str]:
        return {device.now_running().text for device in self.network.devices.values()}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SANAGA_PACE", "0.1")
    place_fresh_records(tmp_path / "state")
    network = MemoryNetwork()
    for module in ("controller.drivers.connect", "controller.planning.from_folder"):
        monkeypatch.setattr(f"{module}.connector", lambda *_, **__: network.connect)
    with api_bench(GRANTS, SMALL) as api:
        yield Bench(api, network)


def test_a_plan_says_what_changes_in_which_order_and_whom_it_hurts(bench):
    plan = bench.planned()
    assert (plan["author"], plan["network"], plan["refused"]) == ("engineer", "small", [])
    assert plan["changes"] == len(plan["plan"]["changes"]) == 7
    assert plan["waves"] == max(change["wave"] for change in plan["plan"]["changes"])
    assert "hostname" in plan["plan"]["changes"][0]["diff"] or plan["plan"]["changes"][0]["diff"]
    assert {"blast_radius", "steady", "worst_wave"} <= plan["plan"].keys()
    assert (plan["consultations"], plan["needs_second_person"]) == ([], "")
    (listed,) = bench.get("/plans")["items"]
    assert listed["digest"] == plan["digest"]


def test_an_apply_changes_every_router_and_stands_in_history_with_its_steps(bench):
    plan = bench.planned()
    ended = bench.ended(bench.apply(plan))
    assert (ended["state"], ended["apply"]) == ("done", 1)
    assert ended["result"]["push"]["outcome"] == "confirmed"
    assert "" not in bench.running()
    kinds = [event["event"] for event in ended["events"]]
    assert kinds[-1] == "ApplyEnded"
    assert kinds.count("WaveStarted") == plan["waves"]
    (listed,) = bench.get("/applies", "operator")["items"]
    assert (listed["id"], listed["outcome"], listed["plan"]) == (1, "confirmed", plan["id"])
    acts = {step["act"] for step in bench.get("/applies/1")["steps"]}
    assert {"stage", "commit", "confirm"} <= acts
    assert bench.planned()["changes"] == 0


def test_progress_is_in_the_stream_for_those_who_see_the_whole_network(bench):
    ring = bench.api.context.ring
    bench.ended(bench.apply(bench.planned()))
    bench.api.client.call(lambda: None)
    events = [one for one in ring.since(0).events if one.kind == "operation"]
    assert any(b'"event":"WaveStarted"' in one.frame for one in events)
    assert any(b'"state":"done"' in one.frame for one in events)
    sites = frozenset(bench.api.context.intent.sites)
    assert all(one.whole and one.sites == sites for one in events)


def test_an_apply_that_one_router_refuses_leaves_all_as_they_were(bench):
    plan = bench.planned()
    device = plan["plan"]["changes"][-1]["device"]
    line = bench.api.changes.plans.plan(plan["number"]).changes[-1].after.text.splitlines()[0]
    bench.network.device(device).faults = Faults(rejects=frozenset({line.strip()}))
    ended = bench.ended(bench.apply(plan))
    assert ended["result"]["push"]["outcome"] == "rolled-back"
    assert bench.running() == {""}


def test_a_stale_plan_is_refused_and_nothing_is_changed(bench):
    plan = bench.planned()
    device = bench.network.device("mora-r1")
    device.running = type(device.running)("router bgp 65000\nexit\n")
    ended = bench.ended(bench.apply(plan))
    assert (ended["state"], ended["error"]["type"]) == ("failed", "StalePlanError")
    assert "make the plan again" in ended["error"]["detail"]
    assert bench.get("/applies")["items"] == []


def test_another_plan_than_the_one_that_was_seen_is_refused(bench):
    plan = bench.planned()
    other = bench.apply({**plan, "digest": "0" * 64})
    assert (other.status_code, other.json()["reason"]) == (409, "another-plan")
    stale = bench.apply(plan, headers={"If-Match": '"another"'})
    assert stale.status_code == 412
    assert bench.running() == {""}
    matched = bench.apply(plan, headers={"If-Match": f'"{plan["digest"]}"'})
    assert bench.ended(matched)["state"] == "done"


def test_an_apply_that_waits_is_confirmed_and_a_finished_one_is_taken_back(bench):
    waits = bench.ended(bench.apply(bench.planned(), confirm_within_s=300))
    assert waits["result"]["push"]["outcome"] == "pending"
    (open_still,) = bench.get("/applies?state=unfinished")["items"]
    assert open_still["held"]
    kept = bench.ended(bench.send("POST", "/applies/latest/acts", kind="confirm"))
    assert kept["result"]["push"]["outcome"] == "confirmed"
    back = bench.ended(bench.send("POST", "/applies/1/acts", kind="rollback"))
    assert back["result"]["inverse"]
    assert bench.running() == {""}
    assert [one["id"] for one in bench.get("/applies")["items"]] == [2, 1]
    again = bench.ended(bench.send("POST", "/applies/latest/acts", kind="rollback"))
    assert again["error"]["type"] == "UnknownNameError"


def test_a_plan_says_what_has_become_of_it(bench):
    def states():
        return {one["number"]: one["state"] for one in bench.get("/plans")["items"]}

    first, second = bench.planned(), bench.planned(only=["mora"])
    assert states() == {1: "ready", 2: "ready"}
    assert first["apply"] is None
    bench.ended(bench.apply(first, confirm_within_s=300))
    assert states() == {1: "held", 2: "outdated"}
    assert bench.get("/plans/1")["apply"] == 1
    bench.ended(bench.send("POST", "/applies/1/acts", kind="confirm"))
    assert states()[1] == "applied"
    refused = bench.ended(bench.apply(second))
    assert refused["error"]["type"] == "StalePlanError"
    bench.planned()
    bench.ended(bench.send("POST", "/applies/1/acts", kind="rollback"))
    assert states() == {1: "taken-back", 2: "ready", 3: "empty"}
    bench.planned()
    assert states()[4] == "ready"
    assert bench.ended(bench.apply(second))["state"] == "done"
    assert states()[4] == "outdated"


def test_what_a_rollback_would_do_is_shown_before(bench):
    assert bench.send("GET", "/applies/1/rollback").status_code == 404
    bench.ended(bench.apply(bench.planned()))
    back = bench.get("/applies/1/rollback")
    changes = back["plan"]["changes"]
    assert {one["device"] for one in changes} == set(bench.network.devices)
    lines = [line for one in changes for line in one["diff"].splitlines()[2:]]
    assert any(line.startswith("-") for line in lines)
    assert not any(line.startswith("+") for line in lines)
    assert "" not in bench.running()
    assert bench.send("GET", "/applies/1/rollback", "operator").status_code == 403
    bench.ended(bench.send("POST", "/applies/1/acts", kind="rollback"))
    assert bench.running() == {""}


def test_an_act_on_an_apply_that_changed_since_it_was_read_is_refused(bench):
    bench.ended(bench.apply(bench.planned(), confirm_within_s=300))
    read = bench.send("GET", "/applies/1")
    tag = {"If-Match": read.headers["etag"]}
    assert bench.send("GET", "/applies/1").headers["etag"] == tag["If-Match"]
    bench.ended(bench.send("POST", "/applies/1/acts", kind="confirm", headers=tag))
    late = bench.send("POST", "/applies/1/acts", kind="rollback", headers=tag)
    assert late.status_code == 412
    assert "" not in bench.running()


def test_one_apply_at_a_time_and_an_interrupted_one_is_rolled_back(bench):
    plan = bench.planned()
    # The last router does not reach the others, so that the apply waits for the network to settle.
    bench.network._reach = lambda *_: False
    for device in bench.network.devices.values():
        device.reach = lambda source, target: False
    first = bench.apply(plan)
    number = first.json()["id"]
    position, events = 0, list[Any]()
    while not any(event["event"] == "WaveStarted" for event in events):
        read = bench.get(f"/operations/{number}?after={position}&wait_s=20")
        assert read["state"] == "running", read
        position, events = read["position"], read["events"]
    second = bench.apply(plan, "second")
    assert second.status_code == 409
    assert "engineer has begun operation" in second.json()["detail"]
    assert bench.send("POST", f"/operations/{number}/interrupt", "operator").status_code == 403
    assert bench.send("POST", f"/operations/{number}/interrupt").status_code == 202
    ended = bench.ended(first)
    assert ended["result"]["push"]["outcome"] == "rolled-back"
    assert run.INTERRUPTED in ended["result"]["push"]["because"]
    assert bench.running() == {""}


def test_a_key_lets_a_repeated_request_be_carried_out_once(bench):
    plan, key = bench.planned(), {"Idempotency-Key": "mine"}
    first = bench.apply(plan, headers=key)
    bench.ended(first)
    again = bench.apply(plan, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len(bench.get("/applies")["items"]) == 1
    other = bench.apply(plan, headers=key, in_consultations=True)
    assert other.status_code == 422
    of_another = bench.apply(plan, "second", headers=key)
    assert of_another.json()["id"] != first.json()["id"]


def test_what_was_refused_may_be_sent_again_with_the_same_key(bench):
    plan, key = bench.planned(), {"Idempotency-Key": "mine"}
    refused = bench.apply({**plan, "digest": "0" * 64}, headers=key)
    assert refused.status_code == 409
    assert bench.ended(bench.apply(plan, headers=key))["state"] == "done"


def test_a_running_consultation_is_in_the_way_unless_it_is_said(bench):
    plan = bench.planned()
    now_s = bench.api.context.now()
    call = Announcement(
        "call", ("kolofata", "yaounde"), "consultation-video", now_s - 60, now_s + 600, "x", now_s
    )
    bench.api.context.consultations.add(call)
    shown = bench.get(f"/plans/{plan['number']}")
    assert shown["consultations"] == ["call"]
    assert shown["consultations_sentence"].startswith("1 consultation runs over 7 things")
    refused = bench.apply(plan)
    assert (refused.status_code, refused.json()["reason"]) == (409, "consultations")
    assert refused.json()["consultations"] == ["call"]
    assert bench.running() == {""}
    assert bench.ended(bench.apply(plan, in_consultations=True))["state"] == "done"


def test_what_is_about_the_whole_network_is_for_those_who_cover_it(bench):
    plan = bench.planned()
    number = plan["number"]
    assert bench.send("POST", "/plans", "operator").status_code == 403
    assert bench.get("/plans", "northern")["items"] == []
    for path in (f"/plans/{number}", f"/plans/{number}/file"):
        assert bench.send("GET", path, "operator").status_code == 403
    assert bench.send("GET", f"/plans/{number}", "northern").status_code == 404
    assert bench.send("GET", f"/plans/{number}/file", "northern").status_code == 403
    assert bench.apply(plan, "northern").status_code == 404
    assert bench.apply(plan, "operator").status_code == 403
    for who in ("northern", "operator"):
        acts = bench.send("POST", "/applies/latest/acts", who, kind="rollback")
        assert acts.status_code == 403
    bench.ended(bench.apply(plan))
    assert bench.get("/applies", "northern")["items"] == []
    assert bench.get("/operations", "northern")["items"] == []


def test_files_of_the_machine_are_named_over_its_local_socket_alone(bench):
    for name in ("folder", "running", "file"):
        answer = bench.send("POST", "/plans", **{name: "/etc"})
        assert answer.status_code == 403, name


def test_what_is_not_there_is_a_problem_that_says_so(bench):
    for path in ("/plans/77", "/plans/77/file", "/applies/77", "/operations/none"):
        answer = bench.send("GET", path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
