"""Neighbours of a device over the API: as it heard them, and nothing of outside one's scope."""

from dataclasses import replace

import pytest

from accounts.roles import Grant
from controller.polling.lldp import LldpReading, Neighbour
from controller.roles import Role
from tests.rigs.service.api_bench import api_bench

GRANTS = {
    "ngono": (Grant(Role.NOC_OPERATOR, ""),),
    "moussa": (Grant(Role.VIEWER, "yaounde/maroua"),),
}
MAC = (4, bytes.fromhex("0200c0ffee01"))
HEARD = LldpReading(
    "maroua-r1",
    1_000_000.0,
    MAC,
    {},
    (
        Neighbour("eth2", MAC, (5, b"eth2"), "eth2", "garoua-r1"),
        Neighbour("eth3", MAC, (5, b"eth1"), "", "mayo-sava-r1"),
        Neighbour("eth9", MAC, (5, b"eth7"), "eth7", "garoua-r1"),
        Neighbour("eth8", MAC, (5, b"eth7"), "eth7", "a-stranger"),
    ),
)


@pytest.fixture(scope="module")
def bench():
    with api_bench(GRANTS) as made:
        state = made.application.state
        state.context = replace(state.context, neighbours={"maroua-r1": HEARD}.get)
        yield made


def names(bench, who):
    found = bench.get("/devices/maroua-r1/neighbours", who)
    return {one["interface"]: one["name"] for one in found["neighbours"]}


def test_neighbours_are_told_as_they_were_heard(bench):
    found = bench.get("/devices/maroua-r1/neighbours")
    assert found["heard_at"].startswith("1970-01-12")
    assert found["neighbours"][0] == {
        "interface": "eth2", "name": "garoua-r1", "port": "eth2", "chassis": "02:00:c0:ff:ee:01",
    }  # fmt: skip
    assert found["neighbours"][1]["port"] == "eth1"


def test_a_neighbour_out_of_scope_has_no_name_whichever_cable_it_is_on(bench):
    assert names(bench, "moussa") == {
        "eth2": "", "eth3": "mayo-sava-r1", "eth9": "", "eth8": "a-stranger"
    }  # fmt: skip
    hidden = bench.get("/devices/maroua-r1/neighbours", "moussa")["neighbours"][0]
    assert (hidden["port"], hidden["chassis"]) == ("", "")


def test_a_device_that_nobody_asked_has_none_and_one_out_of_scope_is_not_there(bench):
    assert bench.get("/devices/mora-r1/neighbours") == {
        "device": "mora-r1", "heard_at": None, "neighbours": []
    }  # fmt: skip
    answer = bench.client.request(
        "GET", "/api/v1/devices/garoua-r1/neighbours", headers={"who": "moussa"}
    )
    assert answer.status_code == 404
