"""Edges that move to other keys, as their administrators see it before any edge is there."""

import json
from contextlib import closing

import pytest

from controller.store.audit import Actor
from controller.store.people import People
from tests.cli.test_cli_vpn import ACCESS
from tests.rigs.people.vpn_folder import EDGE, NGONO
from vpn.wireguard import keys

KEY, NEXT = (keys.public_of(keys.generate_private()) for _ in range(2))
REACHED = EDGE.replace(
    "platform: linux", "platform: linux\n    management: {address: 127.0.0.1, port: 9}"
)
PLAIN = REACHED.partition("gateways:")[0]
YEARLY = ("--because", "yearly")


@pytest.fixture
def pinned(sanaga, small):
    """Return an intent with an edge that nobody reaches and whose key is pinned."""
    folder = sanaga.folder / small
    (folder / "edge.yaml").write_text(PLAIN, encoding="utf-8")
    (folder / "edge_keys").write_text(f"# ours\nyaounde-e1 {KEY}\n", encoding="utf-8")
    return small


def edge_keys(sanaga, small):
    return (sanaga.folder / small / "edge_keys").read_text(encoding="utf-8")


def test_edges_are_listed_with_their_keys(sanaga, pinned):
    (row,) = json.loads(sanaga("vpn", "site", "list", "--dir", pinned, "-o", "json").out)
    assert row == {
        "device": "yaounde-e1",
        "site": "yaounde",
        "key": KEY,
        "moves_to": None,
        "rotated": None,
        "gateway": False,
    }
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"yaounde-e1 {KEY} {NEXT}\n", encoding="utf-8")
    (row,) = json.loads(sanaga("vpn", "site", "list", "--dir", pinned, "-o", "json").out)
    assert row["moves_to"] == NEXT


@pytest.mark.parametrize("words", [(), ("--all", "yaounde-e1")])
def test_whoever_rotates_says_which_edges(sanaga, pinned, words):
    answer = sanaga("vpn", "site", "rotate", *words, "--dir", pinned, *YEARLY)
    assert (answer.code, answer.err) == (64, "sanaga: name edges, or say --all\n")


def test_an_edge_that_is_not_reached_keeps_its_key(sanaga, pinned):
    before = edge_keys(sanaga, pinned)
    answer = sanaga("vpn", "site", "rotate", "--all", "--dir", pinned, *YEARLY)
    assert answer.code == 5
    assert "yaounde-e1 keeps its key\n" in answer.err
    assert edge_keys(sanaga, pinned) == before


def test_edges_that_cannot_move_are_told_with_the_reason(sanaga, pinned):
    (sanaga.folder / pinned / "edge.yaml").write_text(REACHED, encoding="utf-8")
    answer = sanaga("vpn", "site", "rotate", "yaounde-e1", "mora-e9", "--dir", pinned, *YEARLY)
    assert answer.code == 1
    assert "yaounde-e1: people's files hold this gateway's key" in answer.err
    assert "mora-e9: no edge of that name has a key pinned" in answer.err
    left_out = sanaga("vpn", "site", "rotate", "--all", "--dir", pinned, *YEARLY)
    assert (left_out.code, left_out.err) == (0, "no edge to move\n")


def test_a_gateway_whose_people_keep_its_key_can_move(sanaga, pinned):
    gateways = REACHED.replace("endpoint: ", f"public_key: {KEY}, endpoint: ")
    (sanaga.folder / pinned / "edge.yaml").write_text(gateways, encoding="utf-8")
    answer = sanaga("vpn", "site", "rotate", "yaounde-e1", "--dir", pinned, *YEARLY)
    # Nobody is there to be asked, which is another matter.
    assert answer.code == 5
    assert "yaounde-e1 keeps its key" in answer.err
    (sanaga.folder / pinned / "edge.yaml").write_text(gateways.replace(KEY, "x"), encoding="utf-8")
    wrong = sanaga("vpn", "site", "rotate", "yaounde-e1", "--dir", pinned, *YEARLY)
    assert wrong.code == 1
    assert "edge.yaml:" in wrong.err
    assert "copy it from edge_keys" in wrong.err


def test_an_edge_that_has_not_moved_keeps_both_keys(sanaga, pinned):
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"# ours\nyaounde-e1 {KEY} {NEXT}\n", encoding="utf-8")
    (row,) = json.loads(sanaga("vpn", "site", "status", "--dir", pinned, "-o", "json").out)
    assert (row["device"], row["moved"]) == ("yaounde-e1", None)
    assert row["fault"].startswith("yaounde-e1: ")
    answer = sanaga("vpn", "site", "settle", "--dir", pinned, "--within", "1s", *YEARLY)
    assert answer.code == 5
    assert "yaounde-e1: " in answer.err
    assert edge_keys(sanaga, pinned) == f"# ours\nyaounde-e1 {KEY} {NEXT}\n"


@pytest.mark.parametrize(
    ("verb", "kinds", "last"),
    [
        (("plan",), "device, site, region, role or level", "yaounde"),
        (("vpn", "site", "settle", *YEARLY, "--dir"), "device", "yaounde-r2"),
    ],
)
def test_a_slip_in_the_name_of_a_device_that_is_left_out_is_told(sanaga, pinned, verb, kinds, last):
    answer = sanaga(*verb, pinned, "--without", "yaunde-e1")
    assert (answer.code, answer.err) == (
        1,
        f"sanaga: no {kinds} is called 'yaunde-e1'; "
        f"did you mean yaounde-e1 or yaounde-r1 or {last}?\n",
    )


def test_nothing_moves_and_nothing_is_settled(sanaga, pinned):
    answer = sanaga("vpn", "site", "settle", "--dir", pinned, *YEARLY)
    assert (answer.code, answer.err) == (0, "no edge moves\n")


# Letting in and shutting out

OTHER = keys.public_of(keys.generate_private())
STOLEN = ("--because", "it was stolen")


def revoke(sanaga, folder, *words):
    return sanaga("vpn", "site", "revoke", *words, "--dir", folder, *STOLEN)


def add(sanaga, folder, key, name="yaounde-e1"):
    return sanaga("vpn", "site", "add", name, key, "--dir", folder, "--because", "new")


@pytest.fixture
def bare(sanaga, pinned):
    """Return an intent with an edge without a key."""
    (sanaga.folder / pinned / "edge_keys").write_text("# ours", encoding="utf-8")
    return pinned


def test_the_key_of_a_new_edge_is_pinned_after_what_is_there(sanaga, bare):
    answer = add(sanaga, bare, KEY)
    assert (answer.code, answer.out) == (0, "")
    assert "yaounde-e1 is pinned in edge_keys; now 'sanaga plan" in answer.err
    assert edge_keys(sanaga, bare) == f"# ours\nyaounde-e1 {KEY}\n"
    assert "has this key already" in add(sanaga, bare, KEY).err
    assert edge_keys(sanaga, bare) == f"# ours\nyaounde-e1 {KEY}\n"


def test_the_first_edge_of_all_makes_the_file(sanaga, bare):
    (sanaga.folder / bare / "edge_keys").unlink()
    assert add(sanaga, bare, KEY).code == 0
    assert edge_keys(sanaga, bare) == f"yaounde-e1 {KEY}\n"


@pytest.mark.parametrize(
    ("name", "key", "what"),
    [
        ("mora-e9", KEY, "mora-e9: no edge of that name"),
        ("yaounde-r1", KEY, "yaounde-r1: no edge of that name"),
        ("yaounde-e1", "none", "yaounde-e1: the key is no WireGuard public key"),
        ("yaounde-e1", OTHER, f"has the key {KEY}; 'sanaga vpn site rotate'"),
    ],
    ids=["unknown", "a router", "no key", "another key"],
)
def test_a_key_that_cannot_be_pinned_is_told_with_the_reason(sanaga, pinned, name, key, what):
    before = edge_keys(sanaga, pinned)
    answer = add(sanaga, pinned, key, name)
    assert answer.code == 1
    assert what in answer.err
    assert edge_keys(sanaga, pinned) == before


def test_a_revoked_edge_is_out_of_edge_keys_and_its_keys_come_back_to_nobody(sanaga, pinned):
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"# ours\nyaounde-e1 {KEY} {NEXT}\n", encoding="utf-8")
    answer = revoke(sanaga, pinned, "yaounde-e1")
    assert answer.code == 0
    assert "yaounde-e1 revoked\n" in answer.err
    assert "gone from edge_keys" in answer.err
    assert edge_keys(sanaga, pinned) == "# ours\n"
    for key in (KEY, NEXT):
        again = add(sanaga, pinned, key)
        assert again.code == 1
        assert "this key of yaounde-e1 was revoked on" in again.err
    assert add(sanaga, pinned, OTHER).code == 0


def test_a_key_that_an_edge_had_before_is_revoked_with_it(sanaga, bare):
    add(sanaga, bare, KEY)
    (sanaga.folder / bare / "edge_keys").write_text(f"yaounde-e1 {OTHER}\n", encoding="utf-8")
    revoke(sanaga, bare, "yaounde-e1")
    assert "this key of yaounde-e1 was revoked on" in add(sanaga, bare, KEY).err


@pytest.mark.parametrize("name", ["mora-e9", "yaounde-r1"])
def test_who_is_no_edge_is_not_revoked(sanaga, pinned, name):
    before = edge_keys(sanaga, pinned)
    answer = revoke(sanaga, pinned, "yaounde-e1", name)
    assert (answer.code, edge_keys(sanaga, pinned)) == (1, before)
    assert f"{name}: no edge of that name" in answer.err


def test_an_edge_without_a_key_has_none_to_revoke(sanaga, bare):
    answer = revoke(sanaga, bare, "yaounde-e1")
    assert answer.code == 1
    assert "yaounde-e1: no key is known; put the line back" in answer.err


def test_a_plan_with_a_key_that_was_revoked_is_refused(sanaga, pinned):
    revoke(sanaga, pinned, "yaounde-e1")
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"yaounde-e1 {KEY}\n", encoding="utf-8")
    answer = sanaga("plan", pinned)
    assert answer.code == 1
    assert "edge_keys: yaounde-e1: this key of yaounde-e1 was revoked on" in answer.err
    # What it says to do helps.
    assert revoke(sanaga, pinned, "yaounde-e1").code == 0
    assert edge_keys(sanaga, pinned) == ""


def test_an_edge_is_shown_with_its_keys_and_what_was_revoked(sanaga, pinned):
    found = json.loads(
        sanaga("vpn", "site", "show", "yaounde-e1", "--dir", pinned, "-o", "json").out
    )
    assert (found["key"], found["revoked"], found["newest"]) == (KEY, [], 0)
    assert found["fault"].startswith("yaounde-e1: ")
    revoke(sanaga, pinned, "yaounde-e1")
    shown = sanaga("vpn", "site", "show", "yaounde-e1", "--dir", pinned)
    assert KEY in shown.out
    assert "Newest list" in shown.out


def test_edges_that_are_not_reached_are_told_of_and_end_with_a_code(sanaga, pinned):
    answer = sanaga("vpn", "site", "load", "yaounde-e1", "--dir", pinned)
    assert answer.code == 5
    assert "yaounde-e1 not updated; neighbours pass revoked keys on" in answer.err


def test_the_trail_says_who_let_in_and_shut_out_whom_and_why(sanaga, bare):
    add(sanaga, bare, KEY)
    revoke(sanaga, bare, "yaounde-e1")
    trail = json.loads(sanaga("vpn", "audit", "-o", "json").out)
    assert [(one["what"], one["because"]) for one in trail] == [
        ("site.add", "new"),
        ("site.revoke", "it was stolen"),
    ]


def test_a_revocation_that_was_interrupted_is_said_again(sanaga, pinned):
    """The record is there, and the line is gone already or not yet."""
    revoke(sanaga, pinned, "yaounde-e1")
    again = revoke(sanaga, pinned, "yaounde-e1")
    assert (again.code, edge_keys(sanaga, pinned)) == (0, "# ours\n")
    assert "yaounde-e1 revoked" in again.err


def test_a_key_that_an_edge_moved_away_from_is_revoked_with_it(sanaga, pinned):
    """The first key was pinned by hand, and nothing but a rotation has told of it."""
    with closing(People.open(sanaga.folder / "state")) as store:
        store.noted("site.settle", "yaounde-e1", Actor("tester", "x"), former=OTHER, key=KEY)
    revoke(sanaga, pinned, "yaounde-e1")
    assert "this key of yaounde-e1 was revoked on" in add(sanaga, pinned, OTHER).err


def test_a_key_that_is_another_edge_s_by_now_is_not_revoked(sanaga, pinned):
    edge = (sanaga.folder / pinned / "edge.yaml").read_text(encoding="utf-8")
    another = edge.replace("yaounde-e1", "yaounde-e2").replace("number: 7", "number: 6")
    another = another.replace("127.0.0.1", "127.0.0.2").replace("site: yaounde", "site: mora")
    (sanaga.folder / pinned / "another.yaml").write_text(another, encoding="utf-8")
    with closing(People.open(sanaga.folder / "state")) as store:
        store.noted("site.add", "yaounde-e1", Actor("tester", "x"), key=OTHER)
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"yaounde-e1 {KEY}\nyaounde-e2 {OTHER}\n", encoding="utf-8")
    assert revoke(sanaga, pinned, "yaounde-e1").code == 0
    assert sanaga("plan", pinned).code != 1 or "was revoked" not in sanaga("plan", pinned).err
    assert edge_keys(sanaga, pinned) == f"yaounde-e2 {OTHER}\n"


def test_a_site_s_revoked_key_is_no_person_s_either(sanaga, pinned):
    (sanaga.folder / pinned / "access.yaml").write_text(ACCESS, encoding="utf-8")
    (sanaga.folder / pinned / "edge.yaml").write_text(REACHED, encoding="utf-8")
    # Nobody is there to be told.
    assert sanaga("vpn", "apply", "--dir", pinned, "--because", "begin").code == 5
    revoke(sanaga, pinned, "yaounde-e1")
    answer = sanaga(
        "vpn", "person", "add", "a-ngono", *NGONO, "--public-key", KEY, "--file", "n.conf"
    )
    assert answer.code == 1
    assert "this key of yaounde-e1 was revoked on" in answer.err
    # Nor do terms hold any more by which people would dial it.
    file = sanaga.folder / pinned / "edge_keys"
    file.write_text(f"yaounde-e1 {KEY}\n", encoding="utf-8")
    again = sanaga("vpn", "apply", "--dir", pinned, "--because", "again")
    assert again.code == 1
    assert "yaounde-e1: this key of yaounde-e1 was revoked on" in again.err
