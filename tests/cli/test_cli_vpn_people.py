"""Giving people access over the VPN from a terminal, and withdrawing it."""

import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.access.drafts import reserved
from tests.rigs.people.vpn_folder import ADD, EDGE, NGONO, add
from vpn.wireguard import keys, parser


def read(sanaga, name) -> Any:
    """Return a device's file; its keys are there, which types cannot tell."""
    return parser.parse_config((sanaga.folder / name).read_text(encoding="utf-8"), name)


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
    wrong = keys.generate_private().reveal()[:-3] + "x=="
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
    assert done.err.endswith("gateways not updated; run 'sanaga vpn load'\n")
    answer = add(sanaga, "--file", "n.conf")
    assert answer.code == 5
    assert "a-ngono's tablet is on record\n" in answer.err
    assert "yaounde-e1 never had a roster; 'sanaga vpn load' tries again\n" in answer.err
    (row,) = json.loads(sanaga("vpn", "status", "-o", "json").out)
    assert (row["reached"], row["behind"], row["told"]) == (False, 4, None)
    assert row["fault"].startswith("yaounde-e1: ")
    assert sanaga("vpn", "load", "--within", "1s").code == 5
    assert sanaga("vpn", "load", "yaounde-e2").code == 1


def test_people_who_dial_a_server_today_keep_their_keys(sanaga, open_):
    privates = [keys.generate_private() for _ in range(4)]
    publics = [keys.public_of(private) for private in privates]
    server = "".join(
        [
            f"[Interface]\nPrivateKey = {keys.generate_private().reveal()}\nListenPort = 51820\n\n",
            f"# Dr Éliane Ngono\n[Peer]\nPublicKey = {publics[0]}\nAllowedIPs = 10.8.0.2/32\n\n",
            f"[Peer]\n# Dr Eliane Ngono\nPublicKey = {publics[1]}\nAllowedIPs = 10.8.0.3/32\n",
            f"[Peer]\nPublicKey = {publics[2]}\n"
            f"PresharedKey = {keys.generate_preshared().reveal()}\n",
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


def test_export_of_an_unknown_gateway_names_the_nearest(sanaga, open_):
    answer = sanaga("vpn", "site", "export", "yaounde-e2", "--because", "x", "--file", "f")
    assert answer.code == 1
    assert "did you mean yaounde-e1?" in answer.err


def test_of_two_applies_into_one_folder_the_second_touches_nothing(sanaga, open_):
    (sanaga.folder / "people.csv").write_text(LIST, encoding="utf-8")
    out = sanaga.folder / "files"
    with reserved(out):
        (out / "x.conf.draft").write_text("of the first one", encoding="utf-8")
        answer = sanaga("vpn", "person", "apply", "people.csv", "--out", "files", "--because", "x")
        assert (answer.code, answer.out) == (1, "")
        assert "files: another 'sanaga vpn person apply' writes there" in answer.err
        assert [file.name for file in out.iterdir()] == ["x.conf.draft"]
    assert json.loads(sanaga("vpn", "person", "list", "--all", "-o", "json").out) == []


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
    # wg-quick takes no longer names.
    assert names == ["a-ngono-tablet.conf", "b-oumarou-lap-2.conf"]
    again = sanaga(*words, "--out", "files")
    assert (again.code, again.err) == (0, "nothing to change\n")


def test_files_of_somebody_who_was_killed_are_kept_when_their_devices_are_on_record(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    (sanaga.folder / "people.csv").write_text(LIST, encoding="utf-8")
    files = sanaga.folder / "files"
    files.mkdir()
    kept, lost = files / "a-ngono-tablet.conf", files / "b-oumarou-lap-2.conf"
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


def test_an_address_or_a_key_tells_whose_device_it_is_or_was(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    sanaga("vpn", "person", "add", "a-ngono", "--device", "laptop", "--file", "l.conf",
           "--because", "x")  # fmt: skip
    config = read(sanaga, "n.conf")
    sanaga("vpn", "person", "revoke", "a-ngono", "--device", "tablet", "--because", "stolen")
    four, six = (str(address.ip) for address in config.addresses)
    ways = (four, six, f"{four}/32", f"{six}/128", f"::ffff:{four}")
    for sought in (*ways, keys.public_of(config.private_key)):
        (device,) = json.loads(sanaga("vpn", "person", "who", sought, "-o", "json").out)["devices"]
        assert device["name"] == "tablet"
        assert device["revoked"]
        assert device["addresses"] == {"yaounde-e1": [four, six]}
    assert "tablet: " in sanaga("vpn", "person", "who", four).out


def test_what_is_nobodys_is_told_apart_from_what_is_neither_address_nor_key(sanaga, open_):
    hints = {
        "172.26.0.2": "172.26.0.0/18 and fd5a:6e61:67ff:fffd:0:1::/96 are behind yaounde-e1",
        "10.0.3.140": "172.26.0.0/18 and fd5a:6e61:67ff:fffd:0:1::/96 are behind yaounde-e1",
        keys.public_of(keys.generate_private()): "'sanaga vpn site list' has keys of sites",
    }
    for sought, hint in hints.items():
        answer = sanaga("vpn", "person", "who", sought)
        said = f"sanaga: no person's device has or had {sought}; {hint}\n"
        assert (answer.code, answer.err) == (1, said)
    for nothing in ("172.26.0", "172.26.0.0/24", "a-ngono"):
        answer = sanaga("vpn", "person", "who", nothing)
        assert answer.code == 64
        assert f"{nothing!r} is no address, and no public key either" in answer.err


def test_a_key_that_was_rotated_away_tells_the_device_that_is_in_use(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    old = keys.public_of(read(sanaga, "n.conf").private_key)
    sanaga("vpn", "person", "rotate", "a-ngono", "--file", "m.conf", "--because", "x")
    answer = sanaga("vpn", "person", "who", old, "-o", "json")
    (device,) = json.loads(answer.out)["devices"]
    new = keys.public_of(read(sanaga, "m.conf").private_key)
    assert (device["public_key"], device["revoked"]) == (new, None)
    assert f"the key {old} was this device's until 2" in answer.err
    assert sanaga("vpn", "person", "who", new).err == ""


def test_whose_access_ends_soon_can_be_listed(sanaga, open_):
    today = datetime.now(UTC).date()  # noqa: TID251
    for name, days in (("a-soon", 10), ("a-late", 20), ("a-ever", None)):
        until = ["--until", str(today + timedelta(days))] if days else []
        done = sanaga(
            *("vpn", "person", "add", name, *NGONO, *until, "--file", f"{name}.conf"),
        )
        assert done.code == 0, done.err
    listed = sanaga("vpn", "person", "list", "--ending-within", "14", "-o", "json")
    assert [row["name"] for row in json.loads(listed.out)] == ["a-soon"]


@pytest.fixture
def without(tmp_path) -> str:
    """Return a search path on which wireguard-py is not there."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "wireguard_py.py").write_text("raise ImportError\n", encoding="utf-8")
    return str(tmp_path / "none")


def test_keys_are_made_by_the_maker_that_is_chosen(sanaga, open_, tmp_path):
    private = keys.generate_private()
    (tmp_path / "wireguard_py.py").write_text(
        f"def gen_priv_key(): return b'{private.reveal()}'\n"
        f"def get_pub_key(private): return b'{keys.public_of(private)}'\n",
        encoding="utf-8",
    )
    chosen = {"SANAGA_KEY_MAKER": "wireguard-py", "PYTHONPATH": str(tmp_path)}
    answer = sanaga(*ADD, "--file", "n.conf", **chosen)
    assert answer.code == 0, answer.err
    assert read(sanaga, "n.conf").private_key == private


def test_a_list_begins_with_nothing_when_its_keys_cannot_be_made(sanaga, open_, without):
    add(sanaga, "--file", "n.conf")
    (sanaga.folder / "people.csv").write_text(LIST, encoding="utf-8")
    before = sanaga("vpn", "audit", "-o", "json").out
    answer = sanaga(
        *("vpn", "person", "apply", "people.csv", "--because", "x", "--out", "files"),
        SANAGA_KEY_MAKER="wireguard-py",
        PYTHONPATH=without,
    )
    assert answer.code == 1
    assert answer.err.endswith("or unset SANAGA_KEY_MAKER\n")
    assert sanaga("vpn", "audit", "-o", "json").out == before
    assert not (sanaga.folder / "files").exists()


def test_without_the_maker_that_is_chosen_nobody_is_added_and_all_else_works(
    sanaga, open_, without
):
    chosen = {"SANAGA_KEY_MAKER": "wireguard-py", "PYTHONPATH": without}
    assert sanaga(*ADD, "--file", "n.conf").code == 0
    more = ("vpn", "person", "add", "a-ngono", "--device", "laptop", "--because", "x")
    refused = sanaga(*more, "--file", "l.conf", **chosen)
    assert refused.code == 1
    assert refused.err.startswith("sanaga: wireguard-py is not installed, ")
    assert not (sanaga.folder / "l.conf").exists()
    gone = sanaga("vpn", "person", "revoke", "a-ngono", "--because", "x", **chosen)
    assert gone.code == 0, gone.err


def test_a_maker_of_keys_that_is_none_is_told_with_those_that_are(sanaga, open_):
    answer = sanaga(*ADD, "--file", "n.conf", SANAGA_KEY_MAKER="openssl")
    assert (answer.code, answer.err) == (
        64,
        "sanaga: SANAGA_KEY_MAKER: 'openssl' makes no keys; write cryptography or wireguard-py, "
        "or nothing\n",
    )
