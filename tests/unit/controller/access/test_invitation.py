"""Devices that are elsewhere: nothing of them is on record until they have their files."""

from dataclasses import replace

import pytest

from inventory.errors import AccessError
from tests.rigs.people.people_rig import ACT, NGONO, TERMS, make_registrar, nowhere
from vpn.model import Endpoint
from vpn.wireguard import keys


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


def prepared(registrar, person=NGONO, device="laptop"):
    """Return a device that is elsewhere, whose files are made."""
    known = registrar.admissible(person, device)
    return registrar.prepare(known, person, device, keys.public_of(keys.generate_private()))


def test_of_a_device_that_is_elsewhere_nothing_is_on_record_until_it_has_its_file(registrar):
    one, other = prepared(registrar), prepared(registrar, device="tablet")
    assert registrar.store.find(NGONO.name) is None
    assert one.handover.device.number != other.handover.device.number
    registrar.commit_device(other, ACT)
    registrar.commit_device(replace(one, known=registrar.store.find(NGONO.name)), ACT)
    entry = registrar.store.entry(NGONO.name)
    assert [*entry.in_use] == [one.handover.device, other.handover.device]
    # What it was given is what gateways are told.
    for name, config in one.handover.files.items():
        gateway_roster = registrar.roster(name)
        assert config.private_key is None
        assert config.peers[0].preshared_key == gateway_roster.preshared[0]
        assert gateway_roster.roster.devices[0].addresses == tuple(a.ip for a in config.addresses)
    third = registrar.add(NGONO, "phone", ACT, nowhere).device
    assert third.number == 3


@pytest.mark.parametrize("device", ["laptop", "tablet"])
def test_what_others_do_meanwhile_stands(registrar, device):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    one = prepared(registrar)
    if device == "tablet":
        registrar.revoke(NGONO.name, None, ACT)
    else:
        registrar.change(replace(NGONO, site="mora"), ACT)
    before = registrar.store.last()
    with pytest.raises(AccessError, match="changed by somebody else meanwhile"):
        registrar.commit_device(one, ACT)
    assert registrar.store.last() == before


def test_a_further_device_that_came_meanwhile_is_no_hindrance(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    one = prepared(registrar)
    registrar.add(NGONO, "phone", ACT, nowhere)
    registrar.commit_device(one, ACT)
    assert len(registrar.store.entry(NGONO.name).in_use) == 3


def test_two_of_one_name_are_not_let_in(registrar):
    one, other = prepared(registrar), prepared(registrar)
    registrar.commit_device(one, ACT)
    with pytest.raises(AccessError, match="changed by somebody else"):
        registrar.commit_device(other, ACT)
    with pytest.raises(AccessError, match="has a device called 'laptop'"):
        registrar.commit_device(replace(other, known=registrar.store.find(NGONO.name)), ACT)
    with pytest.raises(AccessError, match="has a device called 'laptop'"):
        registrar.admissible(NGONO, "laptop")


def moved():
    """Return terms under which a gateway listens elsewhere."""
    first, *rest = TERMS.gateways
    return replace(TERMS, gateways=(replace(first, endpoint=Endpoint("other", 1)), *rest))


@pytest.mark.parametrize(
    "terms", [replace(TERMS, gateways=TERMS.gateways[:1]), moved()], ids=[1, 2]
)
def test_an_invitation_ends_with_the_gateways_that_it_was_for(registrar, terms):
    one = prepared(registrar)
    registrar.accept(terms, ACT)
    with pytest.raises(AccessError, match="leads to former gateways; begin again"):
        registrar.commit_device(one, ACT)
    assert registrar.store.find(NGONO.name) is None


def test_who_is_somebody_else_is_refused_before_anybody_is_invited(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere)
    with pytest.raises(AccessError, match="has access already, with site yaounde and not mora"):
        registrar.admissible(replace(NGONO, site="mora"), "laptop")
    with pytest.raises(AccessError, match="no role is called 'cook'"):
        registrar.admissible(replace(NGONO, name="x", role="cook"), "laptop")
