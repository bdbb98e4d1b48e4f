"""A second person for risky plans: the digest that was shown is what is approved and applied."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.drivers.memory import MemoryNetwork
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.api_bench import ApiBench, api_bench
from tests.rigs.service.browser import Browser, first_administrator, invited
from tests.sanaga_process import SMALL


@dataclass
class Office:
    """An author and a colleague at the API, and a network whose next plan is risky."""

    api: ApiBench
    author: Browser
    colleague: Browser
    network: Path

    def planned(self):
        made = self.ended(
            self.author.send("POST", "/plans", {"devices_cut": 1, "facilities_cut": 1})
        )
        return self.author.send("GET", f"/plans/{made['result']['plan']}").json()

    def renumber(self, before, after):
        """Give the network another AS number, which no rollback brings back everywhere."""
        text = self.network.read_text()
        assert f"asn: {before}" in text
        self.network.write_text(text.replace(f"asn: {before}", f"asn: {after}"))

    def ended(self, answer):
        assert answer.status_code == 202, answer.text
        number = answer.json()["id"]
        assert self.api.changes.operations.wait(number, 60)
        return self.author.send("GET", f"/operations/{number}").json()

    def apply(self, plan, **asked):
        body = {"digest": plan["digest"], **asked}
        return self.author.send("POST", f"/plans/{plan['number']}/apply", body)

    def shown(self, plan):
        return self.author.send("GET", f"/plans/{plan['number']}").json()

    def request(self, plan):
        made = self.author.send("POST", f"/plans/{plan['number']}/approval")
        assert made.status_code == 201, made.text
        assert made.json()["digest"] == plan["digest"]
        return made.json()["approval"]

    def approve(self, browser, number, digest):
        body = {"digest": digest, "totp": browser.code()}
        return browser.send("POST", f"/approvals/{number}/approve", body)


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SANAGA_PACE", "0.1")
    monkeypatch.setenv("SANAGA_APPROVAL_ABOVE", "0.1")
    place_fresh_records(tmp_path / "state")
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    network = MemoryNetwork()
    for module in ("controller.drivers.connect", "controller.planning.from_folder"):
        monkeypatch.setattr(f"{module}.connector", lambda *_, **__: network.connect)
    with api_bench({}, folder) as api:
        chief = first_administrator(api)
        colleague = invited(api, chief, "colleague", Role.NETWORK_ENGINEER)
        made = Office(api, chief, colleague, folder / "network.yaml")
        harmless = made.planned()
        assert harmless["needs_second_person"] == ""
        assert made.ended(made.apply(harmless))["result"]["push"]["outcome"] == "confirmed"
        made.renumber(65000, 65010)
        yield made


def test_a_plan_that_cannot_be_taken_back_whole_waits_for_a_second_person(office):
    plan = office.planned()
    assert plan["needs_second_person"] == "no rollback brings back all of it"
    refused = office.apply(plan)
    assert (refused.status_code, refused.json()["reason"]) == (409, "second-person")
    number = office.request(plan)
    assert office.apply(plan, approval=number).status_code == 409
    (waiting,) = office.colleague.send("GET", "/approvals").json()["items"]
    assert (waiting["id"], waiting["digest"]) == (number, plan["digest"])
    assert office.approve(office.colleague, number, plan["digest"]).status_code == 204
    ended = office.ended(office.apply(plan, approval=number))
    assert ended["result"]["push"]["outcome"] == "confirmed"
    trail = office.author.send("GET", "/audit").json()["items"]
    did = [(one["what"], one["who"]) for one in trail if one["what"].startswith(("appr", "plan"))]
    assert did[-4:] == [
        ("approval.request", "a.ngono"),
        ("approval.give", "colleague"),
        ("approval.use", "a.ngono"),
        ("plan.apply", "a.ngono"),
    ]


def test_its_author_cannot_approve_it_nor_is_another_digest_approved(office):
    plan = office.planned()
    number = office.request(plan)
    own = office.approve(office.author, number, plan["digest"])
    assert own.status_code == 409
    assert "cannot approve it" in own.json()["detail"]
    other = office.approve(office.colleague, number, "0" * 64)
    assert other.status_code == 409
    assert office.apply(plan, approval=number).json()["reason"] == "second-person"


def test_an_approval_is_of_one_plan_and_used_up_by_its_apply(office):
    plan = office.planned()
    number = office.request(plan)
    assert office.approve(office.colleague, number, plan["digest"]).status_code == 204
    office.renumber(65010, 65020)
    another = office.planned()
    assert another["digest"] != plan["digest"]
    refused = office.apply(another, approval=number)
    assert refused.status_code == 409
    assert "no longer what was approved" in refused.json()["detail"]
    office.ended(office.apply(plan, approval=number))
    again = office.apply(plan, approval=number)
    assert again.status_code == 409
    assert "used already" in again.json()["detail"]


def test_a_refused_plan_says_by_whom_and_why_and_takes_another_request(office):
    plan = office.planned()
    assert (plan["state"], plan["requests"]) == ("ready", [])
    number = office.request(plan)
    assert office.shown(plan)["state"] == "waiting"
    refusal = {"digest": plan["digest"], "because": "not on a market day"}
    own = office.author.send("POST", f"/approvals/{number}/refuse", refusal)
    assert own.status_code == 409
    assert "cannot approve it" in own.json()["detail"]
    assert "cannot approve it" in office.shown(plan)["requests"][0]["cannot_decide"]
    other = {**refusal, "digest": "0" * 64}
    assert office.colleague.send("POST", f"/approvals/{number}/refuse", other).status_code == 409
    assert office.shown(plan)["state"] == "waiting"
    given = office.colleague.send("POST", f"/approvals/{number}/refuse", refusal)
    assert given.status_code == 204, given.text
    (request,) = office.shown(plan)["requests"]
    assert request["state"] == office.shown(plan)["state"] == "refused"
    said = request["acts"][-1]
    assert (said["what"], said["who"], said["because"]) == (
        "refuse", "colleague", "not on a market day",
    )  # fmt: skip
    assert office.approve(office.colleague, number, plan["digest"]).status_code == 403
    assert office.apply(plan, approval=number).json()["reason"] == "second-person"
    again = office.request(plan)
    assert office.approve(office.colleague, again, plan["digest"]).status_code == 204
    assert office.shown(plan)["state"] == "approved"
    office.ended(office.apply(plan, approval=again))
    assert office.shown(plan)["state"] == "applied"


def test_a_plan_within_a_scope_is_approved_by_whoever_covers_its_sites(office):
    author, second, elsewhere = (
        invited(office.api, office.author, name, Role.NETWORK_ENGINEER, f"yaounde/{scope}")
        for name, scope in (("n.one", "maroua"), ("n.two", "maroua"), ("g.one", "garoua"))
    )
    everywhere, office.author = office.author, author
    plan = office.planned()
    assert plan["needs_second_person"] == "no rollback brings back all of it"
    number = office.request(plan)
    assert elsewhere.send("GET", "/approvals").json()["items"] == []
    assert office.approve(elsewhere, number, plan["digest"]).status_code == 404
    assert office.apply(plan, approval=number).json()["reason"] == "second-person"
    (waiting,) = second.send("GET", "/approvals").json()["items"]
    assert waiting["id"] == number
    assert office.approve(second, number, plan["digest"]).status_code == 204
    ended = office.ended(office.apply(plan, approval=number))
    assert ended["result"]["push"]["outcome"] == "confirmed"
    office.author = everywhere
