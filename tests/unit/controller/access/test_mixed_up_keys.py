"""Keys that are known in another place: nobody gets one, and no mix-up cuts an edge unsaid."""

from contextlib import closing
from dataclasses import replace

import pytest

from controller import app
from controller.load import load
from controller.store.place import record_exists
from inventory.errors import AccessError
from tests.rigs.people.people_rig import ACT, GATEWAYS, NGONO, TERMS, make_registrar, nowhere
from tests.sanaga_process import SMALL
from vpn.wireguard import keys

EDGE_KEY = keys.public_of(keys.generate_private())


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def mixed_up(registrar):
    """A device that has a key which turns out to be an edge's."""
    registrar.add(NGONO, "tablet", ACT, nowhere, EDGE_KEY)
    with pytest.raises(AccessError, match="mora-e1: its key is also that of a-ngono's tablet"):
        registrar.accept(TERMS, ACT, {EDGE_KEY: "mora-e1"})
    return registrar


def test_nobodys_device_has_the_key_of_an_edge_or_a_gateway(registrar):
    registrar.accept(TERMS, ACT, {EDGE_KEY: "mora-e1"})
    registrar.add(NGONO, "phone", ACT, nowhere)
    taken = {EDGE_KEY: "mora-e1", **{g.public_key: g.device for g in GATEWAYS}}
    for key, name in taken.items():
        refused = f"this key is that of the edge {name}"
        with pytest.raises(AccessError, match=refused):
            registrar.add(NGONO, "tablet", ACT, nowhere, key)
        with pytest.raises(AccessError, match=refused):
            registrar.rotate("a-ngono", "phone", ACT, nowhere, key)
        prepared = registrar.prepare(registrar.store.find("a-ngono"), NGONO, "tablet", key)
        with pytest.raises(AccessError, match=refused):
            registrar.commit_device(prepared, ACT)


def test_a_revocation_that_would_cut_an_edge_needs_its_name(mixed_up):
    with pytest.raises(AccessError, match="revoking it cuts all tunnels of mora-e1") as refused:
        mixed_up.revoke("a-ngono", None, ACT)
    assert "say --cutting mora-e1" in str(refused.value)
    assert mixed_up.store.revoked.find(EDGE_KEY) is None
    assert mixed_up.revoke("a-ngono", None, ACT, cutting=["mora-e1"])
    gone = mixed_up.store.revoked.find(EDGE_KEY)
    assert gone is not None
    assert gone.site == "mora-e1"


def test_another_key_for_the_device_leaves_the_edge_alone(mixed_up):
    made = mixed_up.rotate("a-ngono", None, ACT, nowhere)
    assert mixed_up.store.revoked.find(EDGE_KEY) is None
    assert mixed_up.accept(TERMS, ACT, {EDGE_KEY: "mora-e1"}) == 0
    assert [one.public_key for one in mixed_up.revoke("a-ngono", None, ACT)] == [
        made.device.public_key
    ]


def test_a_roster_leaves_out_the_one_device_with_the_gateways_own_key(registrar):
    registrar.add(NGONO, "tablet", ACT, nowhere, EDGE_KEY)
    made = registrar.add(NGONO, "phone", ACT, nowhere)
    with pytest.raises(AccessError):
        registrar.accept(TERMS, ACT, {EDGE_KEY: "yaounde-e1"})
    found = registrar.roster("yaounde-e1")
    assert [one.public_key for one in found.roster.devices] == [made.device.public_key]
    assert [one.name for one in found.left_out] == ["tablet"]
    assert len(registrar.roster("douala-e1").roster.devices) == 2


def test_an_apply_notes_the_keys_of_edges_and_refuses_those_of_people(tmp_path, monkeypatch):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path))
    intent = load(SMALL).intent
    name, device = next(iter(intent.devices.items()))
    pinned = replace(intent, devices={name: replace(device, public_key=EDGE_KEY)})
    app.remember_edge_keys(pinned)
    assert not record_exists(tmp_path)
    with closing(make_registrar(tmp_path)) as registrar:
        app.remember_edge_keys(pinned)
        assert registrar.store.site_keys.owner(EDGE_KEY) == name
        person = registrar.add(NGONO, "tablet", ACT, nowhere)
        other = replace(device, next_key=person.device.public_key)
        with pytest.raises(AccessError, match="its key is also that of a-ngono's tablet"):
            app.remember_edge_keys(replace(intent, devices={name: other}))
