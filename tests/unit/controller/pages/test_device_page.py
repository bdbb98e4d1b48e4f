"""The pages of devices and sites: neighbours, differences, changes and maintenance."""

import html
import re
from dataclasses import replace

import pytest

from accounts.roles import Grant
from controller.drivers.memory import MemoryNetwork
from controller.polling.lldp import LldpReading, Neighbour
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "engineer": (Grant(Role.NETWORK_ENGINEER, ""),),
    "moussa": (Grant(Role.VIEWER, "yaounde/maroua"),),
}
MAC = (4, bytes(6))
STRANGER = Neighbour("eth9", MAC, (5, b"eth7"), "eth7", "<i>stranger</i>")
HEARD = LldpReading("maroua-r1", 1e6, MAC, {}, (STRANGER,))
WINDOW = {
    "subjects": [{"kind": "device", "name": "maroua-r1"}],
    "first_day": "2031-01-01",
    "begins": "22:00",
    "ends": "04:00",
    "reason": "new <b>fan</b>",
}


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        state = made.application.state
        state.context = replace(state.context, neighbours={"maroua-r1": HEARD}.get)
        answer = made.client.request(
            "PUT", "/api/v1/maintenance/fan", headers={"who": "ngono"}, body=WINDOW
        )
        assert answer.status_code == 200
        yield made


def get(bench, path, who="ngono", **headers):
    return bench.client.request("GET", path, headers={"who": who, **headers})


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_device_shows_what_is_meant_and_what_was_heard_as_text(bench, language):
    page = get(bench, "/devices/maroua-r1", **{"Accept-Language": language})
    assert page.status_code == 200
    for part in ("garoua-maroua-fibre", "mayo-sava-r1", "&lt;i&gt;stranger&lt;/i&gt;",
                 "new &lt;b&gt;fan&lt;/b&gt;"):  # fmt: skip
        assert part in page.text
    for forbidden in ("<i>stranger", "<b>fan", " style=", "hx-on"):
        assert forbidden not in page.text
    part = get(bench, "/devices/maroua-r1?part=standing")
    assert part.text.startswith('<section id="standing"')


def test_only_who_may_plan_is_told_of_intended_and_running(bench):
    assert "Intended and running" in get(bench, "/devices/maroua-r1", "engineer").text
    assert "Intended and running" not in get(bench, "/devices/maroua-r1").text


def test_the_newest_plan_says_what_would_change_on_a_device(bench, monkeypatch):
    network = MemoryNetwork()
    for module in ("controller.drivers.connect", "controller.planning.from_folder"):
        monkeypatch.setattr(f"{module}.connector", lambda *_, **__: network.connect)
    assert "None of the newest plans" in get(bench, "/devices/maroua-r1", "engineer").text
    answer = bench.client.request(
        "POST", "/api/v1/plans", headers={"who": "engineer"}, body={"only": ["maroua-r1"]}
    )
    assert bench.changes.operations.wait(answer.json()["id"], 60)
    page = get(bench, "/devices/maroua-r1", "engineer").text
    assert "Plan 1 changes this device" in page
    (shown,) = re.findall(r'<pre class="difference" tabindex="0">([^<]+)</pre>', page)
    (change,) = bench.get("/plans/1", "engineer")["plan"]["changes"]
    assert html.unescape(shown) == change["diff"]
    assert "Plan 1" not in get(bench, "/devices/maroua-r2", "engineer").text


def test_an_edge_has_charts_and_a_router_has_none(bench):
    assert 'id="charts"' in get(bench, "/devices/kolofata-e1").text
    assert 'id="charts"' not in get(bench, "/devices/kolofata-r1").text


def test_a_site_shows_its_rooms_its_devices_and_its_windows(bench):
    page = get(bench, "/sites/maroua").text
    assert "Room room-1" in page
    assert 'href="/devices/maroua-r1"' in page
    assert "new &lt;b&gt;fan&lt;/b&gt;" in page
    assert "new" not in get(bench, "/sites/mora").text.partition("Recent changes")[2]


def test_a_device_out_of_scope_is_not_there_and_a_far_end_out_of_scope_has_no_name(bench):
    assert get(bench, "/devices/garoua-r1", "moussa").status_code == 404
    page = get(bench, "/devices/maroua-r1", "moussa").text
    assert "garoua-maroua-fibre" in page
    assert "garoua-r1" not in page
