"""Sessions as gateways and edges report them."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from controller.access.gateways import Gateways
from controller.access.people_sessions import Traffic, people_sessions
from controller.load import Loaded
from controller.telemetry.sessions import site_sessions
from inventory.errors import UnreachableError
from inventory.model import Management
from tests.rigs.controller.memory_edges import MemoryEdge
from tests.rigs.edge.edge_networks import HUB, draft, duties
from tests.rigs.people.people_rig import ACT, NGONO, PLAN, TERMS, make_registrar, nowhere
from vpn.people import device_config

DOOR = Management(IPv4Address("127.0.0.1"), 22, "sanaga", "env:NONE")


def reporting(name, said):
    """Return an edge that reports what it is given, or fails."""
    if isinstance(said, UnreachableError):
        return MemoryEdge(name, fault=said)
    return MemoryEdge(name, reports=said)


@pytest.fixture
def registrar(tmp_path):
    doors = {gateway.device: DOOR for gateway in TERMS.gateways}
    opened = make_registrar(tmp_path, replace(TERMS, doors=doors))
    yield opened
    opened.close()


def seen(key, age_s):
    return {
        "key": key,
        "endpoint": "198.51.100.7:4000",
        "handshake_age_s": age_s,
        "sent_octets": 5,
        "received_octets": 7,
    }


def test_people_are_known_by_their_keys_and_the_latest_comes_first(registrar, tmp_path):
    device = registrar.add(NGONO, "tablet", ACT, nowhere).device
    address = device_config.device_addresses(PLAN, device, registrar.gateway("douala-e1"))[0]
    drivers = {
        "yaounde-e1": reporting(
            "yaounde-e1", {"dialled": [seen(device.public_key, 90.0)], "calling": []}
        ),
        "douala-e1": reporting(
            "douala-e1",
            {
                "dialled": [seen(device.public_key, 3.0), seen("of nobody", 1.0)],
                "calling": [str(address)],
            },
        ),
    }
    found = people_sessions(registrar, Gateways(registrar, tmp_path, drivers.__getitem__))
    assert found.faults == ()
    assert [(one.gateway, one.person, one.consultation) for one in found.sessions] == [
        ("douala-e1", "a-ngono", True),
        ("yaounde-e1", "a-ngono", False),
    ]
    assert found.sessions[0].traffic == Traffic(3.0, (5, 7))


def test_gateways_that_do_not_say_who_dialled_are_faults(registrar, tmp_path):
    drivers = {
        "yaounde-e1": reporting("yaounde-e1", {"serial": 1}),
        "douala-e1": reporting("douala-e1", UnreachableError("douala-e1", "no connection")),
    }
    found = people_sessions(registrar, Gateways(registrar, tmp_path, drivers.__getitem__))
    assert found.sessions == ()
    assert sorted(found.faults) == [
        "douala-e1: no connection",
        "yaounde-e1: its daemon is of an older release and does not say who dialled",
    ]


def test_every_path_of_an_edge_says_what_takes_it(tmp_path):
    loaded = Loaded(tmp_path, draft("mora").intent(), duties())
    path = {"name": "fibre-mora", "state": "good", "sent_octets": 1, "received_octets": 2}
    care = {"name": "live-video", "path": "fibre-mora", "second": None}
    copy = {"name": "alarms", "path": "other", "second": "fibre-mora"}
    peer = {"device": HUB, "paths": [path], "classes": [care, copy], "consultation": True}
    drivers = {
        "mora-e1": reporting("mora-e1", {"peers": [peer]}),
        HUB: reporting(HUB, UnreachableError(HUB, "no connection")),
    }
    found = site_sessions(loaded, drivers.__getitem__)
    assert found.faults == (f"{HUB}: no connection",)
    (one,) = found.sessions
    assert (one.edge, one.peer, one.path, one.state) == ("mora-e1", HUB, "fibre-mora", "good")
    assert one.carries == ("live-video", "alarms (copy)")
    assert one.traffic == Traffic(None, (1, 2))
