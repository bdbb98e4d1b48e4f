"""Edges that move to other keys, as their administrators see it before any edge is there."""

import json

import pytest

from tests.cli.test_cli_vpn_people import EDGE
from vpn import keys

KEY, NEXT = (keys.public_of(keys.generate()) for _ in range(2))
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


def test_nothing_moves_and_nothing_is_settled(sanaga, pinned):
    answer = sanaga("vpn", "site", "settle", "--dir", pinned, *YEARLY)
    assert (answer.code, answer.err) == (0, "no edge moves\n")
