"""Devices that are elsewhere: nothing of them is on record until they have their files."""

from dataclasses import replace

import pytest

from inventory.errors import AccessError
from tests.rigs.people.people_rig import ACT, NGONO, TERMS, nowhere, registrar
from vpn.model import Endpoint
from vpn.wireguard import keys


@pytest.fixture
def desk(tmp_path):
    opened = registrar(tmp_path)
    yield opened
    opened.close()


def prepared(desk, person=NGONO, device="laptop"):
    """Return a device that is elsewhere, whose files are made."""
    known = desk.admissible(person, device)
    return desk.prepare(known, person, device, keys.public_of(keys.generate()))


def test_of_a_device_that_is_elsewhere_nothing_is_on_record_until_it_has_its_file(desk):
    one, other = prepared(desk), prepared(desk, device="tablet")
    assert desk.store.find(NGONO.name) is None
    assert one.handover.device.number != other.handover.device.number
    desk.enter(other, ACT)
    desk.enter(replace(one, known=desk.store.find(NGONO.name)), ACT)
    entry = desk.store.entry(NGONO.name)
    assert [*entry.in_use] == [one.handover.device, other.handover.device]
    # What it was given is what gateways are told.
    for name, config in one.handover.files.items():
        charge = desk.roster(name)
        assert config.private_key is None
        assert config.peers[0].preshared_key == charge.preshared[0]
        assert charge.roster.devices[0].addresses == tuple(a.ip for a in config.addresses)
    third = desk.add(NGONO, "phone", ACT, nowhere).device
    assert third.number == 3


@pytest.mark.parametrize("device", ["laptop", "tablet"])
def test_what_others_do_meanwhile_stands(desk, device):
    desk.add(NGONO, "tablet", ACT, nowhere)
    one = prepared(desk)
    if device == "tablet":
        desk.revoke(NGONO.name, None, ACT)
    else:
        desk.change(replace(NGONO, site="mora"), ACT)
    before = desk.store.last()
    with pytest.raises(AccessError, match="changed by somebody else meanwhile"):
        desk.enter(one, ACT)
    assert desk.store.last() == before


def test_a_further_device_that_came_meanwhile_is_no_hindrance(desk):
    desk.add(NGONO, "tablet", ACT, nowhere)
    one = prepared(desk)
    desk.add(NGONO, "phone", ACT, nowhere)
    desk.enter(one, ACT)
    assert len(desk.store.entry(NGONO.name).in_use) == 3


def test_two_of_one_name_are_not_let_in(desk):
    one, other = prepared(desk), prepared(desk)
    desk.enter(one, ACT)
    with pytest.raises(AccessError, match="changed by somebody else"):
        desk.enter(other, ACT)
    with pytest.raises(AccessError, match="has a device called 'laptop'"):
        desk.enter(replace(other, known=desk.store.find(NGONO.name)), ACT)
    with pytest.raises(AccessError, match="has a device called 'laptop'"):
        desk.admissible(NGONO, "laptop")


def moved():
    """Return terms under which a gateway listens elsewhere."""
    first, *rest = TERMS.gateways
    return replace(TERMS, gateways=(replace(first, endpoint=Endpoint("other", 1)), *rest))


@pytest.mark.parametrize(
    "terms", [replace(TERMS, gateways=TERMS.gateways[:1]), moved()], ids=[1, 2]
)
def test_an_invitation_ends_with_the_gateways_that_it_was_for(desk, terms):
    one = prepared(desk)
    desk.accept(terms, ACT)
    with pytest.raises(AccessError, match="leads to former gateways; invite again"):
        desk.enter(one, ACT)
    assert desk.store.find(NGONO.name) is None


def test_who_is_somebody_else_is_refused_before_anybody_is_invited(desk):
    desk.add(NGONO, "tablet", ACT, nowhere)
    with pytest.raises(AccessError, match="has access already, with site yaounde and not mora"):
        desk.admissible(replace(NGONO, site="mora"), "laptop")
    with pytest.raises(AccessError, match="no role is called 'cook'"):
        desk.admissible(replace(NGONO, name="x", role="cook"), "laptop")
