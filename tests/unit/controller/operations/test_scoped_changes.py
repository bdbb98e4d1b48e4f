"""Plans and applies of engineers whose role covers a part of the network."""

import json
import re
import shutil
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.roles import Grant
from controller.change_routes.plan_scope import BEYOND
from controller.consultations.model import Announcement
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.api_bench import ApiBench, api_bench
from tests.sanaga_process import SMALL

NORTH, GAROUA = "yaounde/maroua", "yaounde/garoua"
SPUR = f"{NORTH}/mayo-sava/kolofata"
GRANTS = {
    "engineer": (Grant(Role.NETWORK_ENGINEER, ""),),
    "north": (Grant(Role.NETWORK_ENGINEER, NORTH),),
    "spur": (Grant(Role.NETWORK_ENGINEER, SPUR),),
    "garoua": (Grant(Role.NETWORK_ENGINEER, GAROUA),),
    "watcher": (Grant(Role.NOC_OPERATOR, NORTH),),
    # Sees the north, and may change something in Garoua alone.
    "onlooker": (Grant(Role.VIEWER, NORTH), Grant(Role.NETWORK_ENGINEER, GAROUA)),
}
INSIDE = {"maroua-r1", "mayo-sava-r1", "mora-r1", "kolofata-r1"}
OUTSIDE = re.compile(r"yaounde|garoua|CM-CE|CM-NO")


@dataclass
class Bench:
    """The API, and the routers behind it."""

    api: ApiBench
    network: MemoryNetwork

    def send(self, method: str, path: str, who: str, **body: Any):
        sent = body if method != "GET" else None
        return self.api.client.request(method, f"/api/v1{path}", headers={"who": who}, body=sent)

    def get(self, path: str, who: str) -> Any:
        return self.api.get(path, who)

    def ended(self, answer: Any, who: str) -> Any:
        """Wait for the operation that an answer began, and return it as that person sees it."""
        assert answer.status_code == 202, answer.text
        number = answer.json()["id"]
        assert self.api.changes.operations.wait(number, 60)
        return self.get(f"/operations/{number}", who)

    def planned(self, who: str, **choices: Any) -> Any:
        made = self.ended(self.send("POST", "/plans", who, **choices), who)
        assert made["state"] == "done", made
        return self.get(f"/plans/{made['result']['plan']}", who)

    def refused(self, who: str, **choices: Any) -> str:
        """Return why a plan could not be made."""
        ended = self.ended(self.send("POST", "/plans", who, **choices), who)
        assert ended["state"] == "failed", ended
        assert not OUTSIDE.search(ended["error"]["detail"]), ended
        return str(ended["error"]["detail"])

    def apply(self, plan: Any, who: str, **asked: Any):
        body = {"digest": plan["digest"], **asked}
        return self.send("POST", f"/plans/{plan['number']}/apply", who, **body)

    def changed(self) -> set[str]:
        return {name for name, device in self.network.devices.items() if device.now_running().text}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("scoped") / "small"
    shutil.copytree(SMALL, made)
    return made


@pytest.fixture
def bench(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SANAGA_PACE", "0.1")
    place_fresh_records(tmp_path / "state")
    network = MemoryNetwork()
    for module in ("controller.drivers.connect", "controller.planning.from_folder"):
        monkeypatch.setattr(f"{module}.connector", lambda *_, **__: network.connect)
    with api_bench(GRANTS, folder) as api:
        yield Bench(api, network)


def devices(plan: Any) -> set[str]:
    return {change["device"] for change in plan["plan"]["changes"]}


def test_whoever_covers_a_region_plans_and_applies_there_and_nowhere_else(bench):
    plan = bench.planned("north")
    assert devices(plan) == INSIDE
    ended = bench.ended(bench.apply(plan, "north"), "north")
    assert ended["result"]["push"]["outcome"] == "confirmed"
    assert bench.changed() == INSIDE
    (listed,) = bench.get("/applies", "north")["items"]
    assert listed["outcome"] == "confirmed"
    assert {step["device"] for step in bench.get("/applies/1", "north")["steps"]} == INSIDE
    # The control: the whole network is more than that.
    assert len(devices(bench.planned("engineer"))) == 3


def test_a_plan_says_nothing_about_the_network_outside(bench):
    plan = bench.planned("north")
    told = {**plan, "plan": {**plan["plan"], "changes": []}}
    assert not OUTSIDE.search(json.dumps(told)), told
    whole = bench.planned("engineer")
    assert OUTSIDE.search(json.dumps({**whole, "plan": {**whole["plan"], "changes": []}}))


def test_devices_outside_are_answered_as_if_they_were_not_there(bench):
    for word in ("garoua-r1", "garoua", "device:garoua-r1", "region:CM-NO"):
        there = bench.ended(bench.send("POST", "/plans", "north", only=[word]), "north")
        absent = bench.ended(bench.send("POST", "/plans", "north", only=["atlantis"]), "north")
        assert there["error"]["type"] == absent["error"]["type"] == "UnknownNameError"
        shown = there["error"]["detail"].replace(word, "atlantis")
        assert not OUTSIDE.search(shown)
        assert "atlantis" in shown
    # A group with members on both sides is the part of it that is inside.
    assert devices(bench.planned("north", only=["role:router"])) == INSIDE
    assert devices(bench.planned("north", without=["mora-r1"])) == INSIDE - {"mora-r1"}


def without(text: str, *circuits: str) -> str:
    """Return the documents of circuits without some of them."""
    parts = text.split("  - name: ")
    return "  - name: ".join(one for one in parts if one.split("\n")[0] not in circuits)


def test_a_plan_that_would_cut_off_a_site_outside_is_refused_and_does_not_say_which(bench, folder):
    file = folder / "circuits.yaml"
    before = file.read_text()
    allow = {"devices_cut": 1, "facilities_cut": 1}
    try:
        # Garoua hangs on Maroua alone, whose other circuits stay.
        file.write_text(without(before, "yaounde-garoua-fibre"))
        assert devices(bench.planned("north", **allow)) == INSIDE
        bench.ended(bench.apply(bench.planned("engineer", **allow), "engineer"), "engineer")
        file.write_text(without(before, "yaounde-garoua-fibre", "garoua-maroua-fibre"))
        assert bench.refused("north", **allow) == BEYOND
        control = bench.planned("engineer", **allow)
    finally:
        file.write_text(before)
    assert "garoua" in control["plan"]["steady"]["disconnected"]


def test_what_is_planned_elsewhere_is_neither_listed_nor_read_nor_applied(bench):
    plan = bench.planned("north")
    whole = bench.planned("engineer")
    assert [one["number"] for one in bench.get("/plans", "engineer")["items"]] == [2, 1]
    assert [one["number"] for one in bench.get("/plans", "north")["items"]] == [1]
    for who in ("garoua", "spur", "onlooker"):
        assert bench.get("/plans", who)["total"] == 0
        assert bench.get("/operations", who)["items"] == []
        for path in ("/plans/1", "/plans/2"):
            absent = bench.send("GET", "/plans/77", who).text.replace("77", path[-1])
            assert (bench.send("GET", path, who).text, 404) == (absent, 404)
        assert bench.apply(plan, who).status_code == 404
        assert bench.apply(whole, who).status_code == 404
    assert bench.apply(whole, "north").status_code == 404
    # The whole intent is in a plan's file.
    assert bench.send("GET", "/plans/1/file", "north").status_code == 403
    assert bench.send("GET", "/plans/1", "watcher").status_code == 403
    assert bench.changed() == set()


def test_an_apply_is_seen_and_acted_on_by_whoever_covers_its_devices(bench):
    waits = bench.ended(bench.apply(bench.planned("north"), "north", confirm_within_s=300), "north")
    assert waits["result"]["push"]["outcome"] == "pending"
    for who in ("garoua", "spur"):
        assert bench.get("/applies", who)["total"] == 0
        assert bench.send("GET", "/applies/1", who).status_code == 404
        act = bench.send("POST", "/applies/1/acts", who, kind="confirm")
        assert act.status_code == 404
    assert bench.get("/applies", "watcher")["total"] == 1
    for who in ("watcher", "onlooker"):
        assert bench.send("POST", "/applies/1/acts", who, kind="confirm").status_code == 403
    latest = bench.send("POST", "/applies/latest/acts", "north", kind="confirm")
    assert latest.status_code == 403
    resume = bench.send("POST", "/applies/1/acts", "north", kind="resume")
    # It waits for a person, which is no interruption.
    assert bench.ended(resume, "north")["error"]["type"] == "UnfinishedError"
    kept = bench.ended(bench.send("POST", "/applies/1/acts", "north", kind="confirm"), "north")
    assert kept["result"]["push"]["outcome"] == "confirmed"
    back = bench.ended(bench.send("POST", "/applies/1/acts", "north", kind="rollback"), "north")
    assert back["result"]["inverse"]
    assert bench.changed() == set()
    again = bench.send("POST", "/applies/1/acts", "north", kind="resume")
    assert again.status_code == 409


def test_progress_is_in_the_stream_of_those_who_see_all_of_it(bench):
    bench.ended(bench.apply(bench.planned("north"), "north"), "north")
    bench.api.client.call(lambda: None)
    ring = bench.api.context.ring
    told = [one for one in ring.since(0).events if one.kind == "operation"]
    assert told
    north = {"maroua", "mayo-sava", "mora", "kolofata"}
    assert all(one.whole and one.sites == north for one in told)


def test_of_a_consultation_elsewhere_one_hears_that_it_is_in_the_way_and_no_more(bench):
    plan = bench.planned("spur")
    now_s = bench.api.context.now()
    for name, sites in (("far", ("yaounde", "garoua")), ("near", ("kolofata", "yaounde"))):
        call = (sites, "consultation-video", now_s - 60, now_s + 600, "x", now_s)
        bench.api.context.consultations.add(Announcement(name, *call))
    shown = bench.get(f"/plans/{plan['number']}", "spur")
    assert shown["consultations"] == ["near"]
    answer = bench.apply(plan, "spur")
    assert (answer.status_code, answer.json()["reason"]) == (409, "consultations")
    assert answer.json()["consultations"] == ["near"]
    assert "far" not in answer.text


def test_faults_of_documents_outside_are_not_told(bench, folder):
    file = folder / "sites.yaml"
    before = file.read_text()
    file.write_text(before.replace("title: Garoua", "titel: Garoua"))
    try:
        detail = bench.refused("north")
        whole = bench.ended(bench.send("POST", "/plans", "engineer"), "engineer")
    finally:
        file.write_text(before)
    assert "somebody who may plan for all of it" in detail
    assert whole["error"]["type"] == "IntentError"


def test_a_device_outside_that_is_not_reached_keeps_no_plan_from_being_made(bench):
    bench.network.device("garoua-r1").faults = Faults(drops=frozenset({Act.READ}))
    assert devices(bench.planned("north")) == INSIDE
    control = bench.ended(bench.send("POST", "/plans", "engineer"), "engineer")
    assert control["error"]["type"] == "DevicesUnreachableError"
