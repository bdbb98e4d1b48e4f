"""The daily comparison: a plan that says what drifted, and leaves devices out that are silent."""

import pytest

from accounts.roles import Grant
from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.roles import Role
from controller.service.scheduling import compare
from inventory.errors import SanagaError
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.api_bench import api_bench
from tests.sanaga_process import SMALL

GRANTS = {"chief": (Grant(Role.ADMINISTRATOR, ""),)}
SILENT = Faults(drops=frozenset({Act.READ}))


@pytest.fixture
def routers():
    return MemoryNetwork()


@pytest.fixture
def bench(tmp_path, monkeypatch, routers):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SANAGA_PACE", "0.1")
    place_fresh_records(tmp_path / "state")
    for module in ("controller.drivers.connect", "controller.planning.from_folder"):
        monkeypatch.setattr(f"{module}.connector", lambda *_, **__: routers.connect)
    with api_bench(GRANTS, SMALL) as made:
        yield made


def newest(bench):
    return bench.get("/plans", "chief")["items"][0]


def test_what_drifted_is_in_a_plan_of_the_controller_that_nobody_has_to_apply(bench, routers):
    compare(bench.changes)
    plan = newest(bench)
    assert (plan["author"], plan["changes"], plan["devices"]) == ("sanaga", 7, 7)
    assert all(not device.now_running().text for device in routers.devices.values())
    whole = bench.get(f"/plans/{plan['number']}", "chief")
    body = {"digest": plan["digest"]}
    begun = bench.client.request(
        "POST", f"/api/v1/plans/{plan['number']}/apply", headers={"who": "chief"}, body=body
    )
    assert begun.status_code == 202, (begun.text, whole["needs_second_person"])
    assert bench.changes.operations.wait(begun.json()["id"], 60)
    compare(bench.changes)
    assert (newest(bench)["changes"], newest(bench)["number"]) == (0, plan["number"] + 1)
    acts = [
        one["who"] for one in bench.get("/audit", "chief")["items"] if one["what"] == "plan.make"
    ]
    assert acts == ["sanaga by token schedule"] * 2


def test_devices_that_do_not_answer_are_left_out_and_named(bench, routers):
    compare(bench.changes)
    routers.device("garoua-r1").faults = SILENT
    compare(bench.changes)
    plan = newest(bench)
    assert (plan["devices"], plan["changes"]) == (6, 6)
    (note,) = plan["notes"]
    assert note.startswith("garoua-r1 is left out: ")
    page = bench.client.request("GET", "/changes", headers={"who": "chief"}).text
    assert "garoua-r1 is left out" in page


def test_where_no_device_answers_the_comparison_fails_and_says_why(bench, routers):
    compare(bench.changes)
    for device in routers.devices.values():
        device.faults = SILENT
    before = newest(bench)["number"]
    with pytest.raises(SanagaError, match="7 of 7 devices cannot be read"):
        compare(bench.changes)
    assert newest(bench)["number"] == before
