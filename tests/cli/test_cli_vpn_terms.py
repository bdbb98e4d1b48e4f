"""Letting groups and gateways hold from a terminal: what is told, asked and refused."""

from tests.cli.test_cli_vpn import ACCESS
from tests.rigs.people.vpn_folder import EDGE, add


def test_a_gateway_without_a_pinned_key_lets_nobody_dial(sanaga, small):
    (sanaga.folder / small / "edge.yaml").write_text(EDGE, encoding="utf-8")
    answer = sanaga("vpn", "plan", "--dir", small)
    assert answer.code == 1
    assert "no key is pinned for yaounde-e1" in answer.err


def test_plan_shows_what_apply_does_and_then_nothing(sanaga, open_):
    (sanaga.folder / open_ / "more.yaml").write_text(
        "groups: [{name: nurses, title: Nurses, role: nurse, under: mora}]\n", encoding="utf-8"
    )
    planned = sanaga("vpn", "plan", "--dir", open_)
    assert (planned.code, planned.out) == (2, "+ group nurses: nurse at or below mora\n")
    assert sanaga("vpn", "apply", "--dir", open_, "--because", "nurses join").code == 0
    assert sanaga("vpn", "plan", "--dir", open_).code == 0


def test_terms_by_which_people_lose_need_a_yes(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    file = sanaga.folder / open_ / "access.yaml"
    file.write_text(ACCESS.replace("role: doctor,", "role: surgeon,").split("grants:")[0])
    answer = sanaga("vpn", "apply", "--dir", open_, "--because", "x")
    assert answer.code == 64
    assert "1 person will reach less: a-ngono" in answer.out
    assert sanaga("vpn", "plan", "--dir", open_).code == 2


def test_a_grant_that_goes_and_a_gateway_that_moves_are_told(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    file = sanaga.folder / open_ / "access.yaml"
    doctors = ACCESS.index("  - group: doctors")
    engineers = ACCESS.index("  - group: engineers")
    file.write_text(ACCESS[:doctors] + ACCESS[engineers:], encoding="utf-8")
    answer = sanaga("vpn", "apply", "--dir", open_, "--because", "x")
    assert answer.code == 64
    assert "1 person will reach less: a-ngono" in answer.out
    file.write_text(ACCESS, encoding="utf-8")
    edge = sanaga.folder / open_ / "edge.yaml"
    edge.write_text(EDGE.replace(":51820", ":51821"), encoding="utf-8")
    planned = sanaga("vpn", "plan", "--dir", open_)
    assert "people's files no longer lead to yaounde-e1: each needs another file" in planned.out


def test_a_network_whose_last_gateway_goes_still_lets_people_be_revoked(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    edge = sanaga.folder / open_ / "edge.yaml"
    edge.write_text(EDGE.split("gateways:", maxsplit=1)[0], encoding="utf-8")
    assert sanaga("vpn", "apply", "--dir", open_, "--because", "x").code == 64
    answer = sanaga("vpn", "apply", "--dir", open_, "--because", "x", "--yes")
    assert answer.code == 0
    assert "1 person will reach less: a-ngono\nnobody can dial: there is no gateway" in answer.out
    assert "yaounde-e1 without a management address: take its people away by hand" in answer.err
    answer = sanaga("vpn", "person", "revoke", "a-ngono", "--because", "x")
    assert answer.code == 0
    assert answer.err.splitlines()[-1] == "there is no gateway, so nobody can dial"


def test_another_way_to_a_gateway_is_a_difference(sanaga, open_):
    edge, known = sanaga.folder / open_ / "edge.yaml", sanaga.folder / open_ / "known_hosts"
    door = "    platform: linux\n    management: {address: 10.0.3.200, credential: 'env:X'}\n"
    edge.write_text(EDGE.replace("    platform: linux\n", door), encoding="utf-8")
    apply = ("vpn", "apply", "--dir", open_, "--because", "x", "--later")
    answer = sanaga(*apply)
    assert answer.code == 0, answer.err
    assert "env:X, no host key pinned" in answer.out
    assert sanaga("vpn", "plan", "--dir", open_).code == 0
    edge.write_text(edge.read_text(encoding="utf-8").replace("env:X", "env:Y"), encoding="utf-8")
    assert "env:X, no host key pinned becomes" in sanaga("vpn", "plan", "--dir", open_).out
    assert sanaga(*apply).code == 0
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF7M+oQ5XNBEn7DYWfYb2WqP9V5Hh0kzYrHOJ3v1sH5Q"
    known.write_text(f"10.0.3.200 {key}\n", encoding="utf-8")
    planned = sanaga("vpn", "plan", "--dir", open_)
    assert planned.code == 2, planned.err
    assert "becomes sanaga@10.0.3.200 port 22, env:Y, host key …YrHOJ3v1sH5Q" in planned.out


def test_terms_whose_tests_fail_are_not_taken(sanaga, open_):
    file = sanaga.folder / open_ / "access.yaml"
    file.write_text(ACCESS.replace("under: maroua", "under: yaounde"), encoding="utf-8")
    answer = sanaga("vpn", "apply", "--dir", open_, "--because", "x")
    assert answer.code == 1
    assert "1 test of the grants failed" in answer.err
