"""Opening an invitation at a gateway, as a verb or a request asks for it."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from controller.access.invitation import (
    GatewaySkipped,
    InvitationVoided,
    joining_gateways,
    open_invitation,
    refusal_noted,
)
from controller.vpn_control.here import PeopleHere
from inventory.errors import AccessError, UnreachableError
from inventory.model import Management
from tests.rigs.controller.memory_edges import MemoryEdge
from tests.rigs.people.people_rig import ACT, GATEWAYS, NGONO, TERMS, make_registrar
from tests.simulated_time import TestClock

FIRST, SECOND = "yaounde-e1", "douala-e1"
JOINING = replace(
    TERMS,
    gateways=tuple(replace(one, enrolment_port=51830) for one in GATEWAYS),
    doors={one.device: Management(IPv4Address("127.0.0.1")) for one in GATEWAYS},
)


@pytest.fixture
def edges():
    return {name: MemoryEdge(name) for name in (FIRST, SECOND)}


def test_the_gateway_that_is_named_comes_first():
    assert [one.device for one in joining_gateways(JOINING, SECOND)] == [SECOND, FIRST]
    assert [one.device for one in joining_gateways(JOINING, None)] == [FIRST, SECOND]
    with pytest.raises(AccessError, match="no gateway takes devices in from the field"):
        joining_gateways(TERMS, None)


def test_another_gateway_is_asked_where_the_first_is_not_reached(edges):
    edges[FIRST].fault = UnreachableError(FIRST, "no connection")
    reported: list[object] = []
    hosts = joining_gateways(JOINING, None)
    with open_invitation(hosts, edges.__getitem__, TestClock(), reported.append) as session:
        assert session.invited.where.host == GATEWAYS[1].endpoint.host
        assert reported == [GatewaySkipped(f"{FIRST}: no connection")]
    assert reported[1:] == [InvitationVoided()]
    assert edges[SECOND].asked == ["join: open", "join: end"]


def test_an_invitation_that_no_gateway_carries_is_an_error(edges):
    for name, edge in edges.items():
        edge.fault = UnreachableError(name, "no connection")
    hosts = joining_gateways(JOINING, None)
    with (
        pytest.raises(UnreachableError, match=SECOND),
        open_invitation(hosts, edges.__getitem__, TestClock(), lambda _event: None),
    ):
        pass


def test_a_device_that_is_not_let_in_is_in_the_trail(tmp_path):
    registrar = make_registrar(tmp_path)
    with (
        pytest.raises(AccessError),
        refusal_noted(lambda why: PeopleHere(registrar).refused(NGONO, "laptop", why, ACT)),
    ):
        raise AccessError("the words differ; invite again")
    last = registrar.store.trail()[-1]
    assert (last.what, last.details["refused"]) == ("device.refuse", "the words differ")
    registrar.close()
