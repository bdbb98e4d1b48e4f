"""Terms from a folder, as a verb or a request asks for them."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from controller.access.terms import plan_terms
from controller.load import load
from inventory.errors import AccessError
from tests.cli.test_cli_vpn import ACCESS
from tests.rigs.people.people_rig import ACT, make_registrar, nowhere
from tests.rigs.people.vpn_folder import EDGE
from tests.sanaga_process import SMALL
from vpn.model import Person
from vpn.wireguard import keys

NGONO = Person("a-ngono", "Dr A. Ngono", "doctor", "mora", until=date(2026, 12, 31))


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path / "state", terms=None)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path):
    made = shutil.copytree(SMALL, tmp_path / "small")
    (made / "access.yaml").write_text(ACCESS, encoding="utf-8")
    (made / "edge.yaml").write_text(EDGE, encoding="utf-8")
    key = keys.public_of(keys.generate_private())
    (made / "edge_keys").write_text(f"yaounde-e1 {key}\n", encoding="utf-8")
    return made


@pytest.fixture
def accepted(registrar, folder):
    """Let the terms of a folder hold, and give a doctor access."""
    registrar.accept(plan_terms(registrar, load(folder)).terms, ACT)
    registrar.add(NGONO, "tablet", ACT, nowhere)
    return folder


def test_the_first_terms_are_all_different_and_concern_nobody_yet(registrar, folder):
    found = plan_terms(registrar, load(folder))
    assert found.differences
    assert (found.before, found.stale, found.leaving) == (None, (), ())
    assert (found.effect.gaining, found.effect.losing) == ((), ())


def test_what_holds_already_is_no_difference(registrar, accepted):
    found = plan_terms(registrar, load(accepted))
    assert (found.differences, found.stale, found.leaving) == ((), (), ())


def test_who_loses_and_which_files_no_longer_lead_anywhere_is_known_before(registrar, accepted):
    without = ACCESS.replace("role: doctor,", "role: surgeon,").split("grants:", maxsplit=1)[0]
    (accepted / "access.yaml").write_text(without, encoding="utf-8")
    moved = EDGE.replace(":51820", ":51821")
    (accepted / "edge.yaml").write_text(moved, encoding="utf-8")
    found = plan_terms(registrar, load(accepted))
    assert found.effect.losing == ("a-ngono",)
    assert found.stale == ("yaounde-e1",)
    (accepted / "edge.yaml").write_text(EDGE.split("gateways:", maxsplit=1)[0], encoding="utf-8")
    gone = plan_terms(registrar, load(accepted))
    assert [one.device for one in gone.leaving] == ["yaounde-e1"]
    assert registrar.terms().gateways


def test_terms_that_cannot_hold_are_errors(registrar, folder):
    loaded = load(folder)
    key = loaded.intent.devices["yaounde-e1"].public_key
    registrar.store.revoke_site("yaounde-e1", [key], ACT)
    with pytest.raises(AccessError, match="yaounde-e1: this key of yaounde-e1 was revoked"):
        plan_terms(registrar, loaded)
    (folder / "edge_keys").write_text("", encoding="utf-8")
    with pytest.raises(AccessError, match="no key is pinned for yaounde-e1"):
        plan_terms(registrar, load(folder))
    denied = replace(loaded.access.policy, grants=())
    failing = replace(loaded, access=replace(loaded.access, policy=denied))
    with pytest.raises(AccessError, match="of the grants failed:"):
        plan_terms(registrar, failing)


def test_an_edge_with_the_key_of_a_persons_device_is_refused_and_known_from_then_on(
    registrar, accepted
):
    key = registrar.store.entry("a-ngono").in_use[0].public_key
    pinned = (accepted / "edge_keys").read_text(encoding="utf-8")
    (accepted / "edge_keys").write_text(f"yaounde-e1 {key}\n", encoding="utf-8")
    with pytest.raises(AccessError, match="its key is also that of a-ngono's tablet"):
        plan_terms(registrar, load(accepted))
    assert registrar.store.site_keys.owner(key) == "yaounde-e1"
    (accepted / "edge_keys").write_text(pinned, encoding="utf-8")
    assert plan_terms(registrar, load(accepted)).edge_keys == {pinned.split()[1]: "yaounde-e1"}
