"""The controller's list of revoked keys: what comes onto it, and how it is published."""

from dataclasses import replace

import pytest

from controller.keys.revocation_file import FILE, PublishedRevocations, published
from controller.keys.revocation_signing import publish
from controller.keys.signing import signing_key
from controller.store import revoked_keys as record
from controller.store.place import FILE as FILE_OF_RECORDS
from database.engine import reading
from edge.signed import revocation_envelope
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from vpn.wireguard import keys

SITE_KEYS = tuple(keys.public_of(keys.generate_private()) for _ in range(3))


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


def listed(tmp_path):
    """Return the list that is published."""
    trust = signing_key(tmp_path).public_key()
    return revocation_envelope.verify_revocation_list(published(tmp_path).envelope, FILE, trust)


def test_before_anybody_is_revoked_there_is_no_list(registrar, tmp_path):
    assert publish(registrar.store, tmp_path) == PublishedRevocations() == published(tmp_path)


def test_the_keys_of_people_and_sites_are_on_it_in_the_order_of_their_end(registrar, tmp_path):
    first = registrar.add(NGONO, "tablet", ACT, nowhere).device
    second = registrar.rotate("a-ngono", None, ACT, nowhere).device
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:2], ACT)
    registrar.revoke("a-ngono", None, ACT)
    made = publish(registrar.store, tmp_path)
    assert made == published(tmp_path)
    found = listed(tmp_path)
    assert found.serial == made.serial == 4
    assert found.keys == (first.public_key, *SITE_KEYS[:2], second.public_key)


def test_a_list_that_is_new_enough_is_not_signed_again(registrar, tmp_path):
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    made = publish(registrar.store, tmp_path)
    assert publish(registrar.store, tmp_path) is not None
    assert published(tmp_path) == made
    # Once is enough.
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    assert publish(registrar.store, tmp_path) == made
    registrar.store.revoke_site("mora-e1", SITE_KEYS[1:2], ACT)
    assert publish(registrar.store, tmp_path).serial > made.serial


def test_of_people_the_latest_are_listed_and_of_sites_all(registrar, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "MOST_OF_PEOPLE", 2)
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    gone = []
    for number in range(4):
        person = replace(NGONO, name=f"n{number}")
        gone.append(registrar.add(person, "tablet", ACT, nowhere).device.public_key)
        registrar.revoke(person.name, None, ACT)
    publish(registrar.store, tmp_path)
    assert listed(tmp_path).keys == (SITE_KEYS[0], *gone[-2:])


def test_what_was_revoked_is_found_with_whose_it_was(registrar):
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    found = registrar.store.revoked.find(SITE_KEYS[0])
    assert (found.site, found.serial) == ("mora-e1", 1)
    assert registrar.store.revoked.of_site("mora-e1") == (found,)
    assert registrar.store.revoked.find(SITE_KEYS[1]) is None
    assert registrar.store.trail()[-1].what == "site.revoke"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"serial":"x"}'])
def test_a_list_that_is_damaged_is_none_and_is_signed_anew(registrar, tmp_path, text):
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    (tmp_path / FILE).write_text(text)
    assert published(tmp_path) == PublishedRevocations()
    publish(registrar.store, tmp_path)
    assert listed(tmp_path).keys == SITE_KEYS[:1]


def test_a_record_that_was_put_back_goes_on_above_the_list_that_edges_have(registrar, tmp_path):
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:1], ACT)
    backup = tmp_path / "backup"
    with reading(registrar.store._database.engine) as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql(f"VACUUM INTO '{backup}'")
    registrar.store.revoke_site("mora-e1", SITE_KEYS[1:2], ACT)
    before = publish(registrar.store, tmp_path)
    registrar.close()
    backup.replace(tmp_path / FILE_OF_RECORDS)
    again = make_registrar(tmp_path, terms=None)
    assert again.store.revoked.find(SITE_KEYS[1]) is None
    again.store.revoke_site("kolofata-e1", SITE_KEYS[2:], ACT)
    made = publish(again.store, tmp_path)
    assert made.serial > before.serial
    # What only the list knew is in the record again.
    assert set(listed(tmp_path).keys) == set(SITE_KEYS)
    assert again.store.revoked.find(SITE_KEYS[1])
    # The next one follows.
    again.store.revoke_site("maroua-e1", [keys.public_of(keys.generate_private())], ACT)
    assert publish(again.store, tmp_path).serial == made.serial + 1
    again.close()


def test_a_list_goes_above_that_of_an_edge(registrar, tmp_path):
    registrar.store.revoke_site("mora-e1", SITE_KEYS[:2], ACT)
    publish(registrar.store, tmp_path)
    made = publish(registrar.store, tmp_path, above=41)
    assert made.serial > 41
    assert set(listed(tmp_path).keys) == set(SITE_KEYS[:2])
    assert publish(registrar.store, tmp_path) == made
    assert publish(registrar.store, tmp_path, above=made.serial - 1) == made


def test_an_edge_with_a_list_says_nothing_to_a_controller_without_revoked_keys(registrar, tmp_path):
    assert publish(registrar.store, tmp_path, above=41) == PublishedRevocations()
