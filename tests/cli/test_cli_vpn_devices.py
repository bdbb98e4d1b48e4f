"""A person's devices and days change, and what a terminal shows of it."""

import json

import pytest

from tests.rigs.people.vpn_folder import add
from vpn.wireguard import keys


def shown(sanaga):
    return json.loads(sanaga("vpn", "person", "show", "a-ngono", "-o", "json").out)


def test_a_stolen_device_is_replaced_without_saying_anew_who_the_person_is(sanaga, open_):
    add(sanaga, "--file", "n.conf", "--licence", "ONMC 1", "--until", "2030-03-31")
    gone = sanaga("vpn", "person", "revoke", "a-ngono", "--device", "tablet", "--because", "stolen")
    assert "a-ngono has no device any more" in gone.err
    assert [(row["name"], row["devices"]) for row in listed(sanaga)] == [("a-ngono", [])]
    again = sanaga("vpn", "person", "add", "a-ngono", "--device", "tablet", "--because", "replaces",
                   "--file", "m.conf")  # fmt: skip
    assert again.code == 0, again.err
    found = shown(sanaga)
    assert (found["state"], found["until"], found["licence"]) == ("active", "2030-03-31", "ONMC 1")
    assert [bool(device["revoked"]) for device in found["devices"]] == [True, False]


def listed(sanaga):
    return json.loads(sanaga("vpn", "person", "list", "-o", "json").out)


def test_a_person_without_any_device_can_lose_access(sanaga, open_):
    add(sanaga, "--file", "n.conf")
    sanaga("vpn", "person", "revoke", "a-ngono", "--device", "tablet", "--because", "stolen")
    gone = sanaga("vpn", "person", "revoke", "a-ngono", "--because", "left")
    assert (gone.code, "a-ngono has no access any more" in gone.err) == (0, True)
    assert shown(sanaga)["state"] == "revoked"
    again = sanaga("vpn", "person", "add", "a-ngono", "--because", "x", "--file", "m.conf")
    assert (again.code, "a-ngono is new here" in again.err) == (64, True)


def changed(sanaga, *words: str) -> tuple[str | None, str | None]:
    done = sanaga("vpn", "person", "change", "a-ngono", *words, "--because", "x")
    assert done.code == 0, done.err
    found = shown(sanaga)
    return found["licence_until"], found["until"]


def test_access_that_ends_with_a_licence_goes_on_when_it_is_renewed(sanaga, open_):
    add(sanaga, "--file", "n.conf", "--licence", "ONMC 1", "--licence-until", "2029-12-31")
    assert changed(sanaga, "--licence-until", "2030-12-31") == ("2030-12-31", "2030-12-31")
    assert changed(sanaga, "--until", "2030-01-31") == ("2030-12-31", "2030-01-31")
    assert changed(sanaga, "--licence-until", "2031-12-31") == ("2031-12-31", "2030-01-31")
    assert changed(sanaga, "--until", "none") == ("2031-12-31", "2031-12-31")
    assert changed(sanaga, "--until", "none", "--licence-until", "none") == (None, None)


@pytest.mark.parametrize("way", ["--show", "--qr"])
@pytest.mark.parametrize("verb", ["add", "rotate"])
def test_data_for_programs_never_holds_a_devices_file(sanaga, open_, verb, way):
    if verb == "add":
        answer = add(sanaga, way, "-o", "json")
    else:
        add(sanaga, "--file", "n.conf")
        answer = sanaga("vpn", "person", "rotate", "a-ngono", "--because", "x", way, "-o", "json")
    assert (answer.code, answer.out) == (64, "")
    assert "with --output json nothing secret is shown; say --file, --png or --svg" in answer.err


SERVER = f"[Interface]\nPrivateKey = {keys.generate_private().reveal()}\nListenPort = 51820\n"


def peer(host: int, endpoint: str = "") -> str:
    key = keys.public_of(keys.generate_private())
    dialled = f"Endpoint = {endpoint}\n" if endpoint else ""
    return f"\n[Peer]\n# Dr Bello\nPublicKey = {key}\nAllowedIPs = 10.8.0.{host}/32\n{dialled}"


def imported(sanaga, text: str):
    (sanaga.folder / "wg0.conf").write_text(text, encoding="utf-8")
    return sanaga("vpn", "import", "wg0.conf", "--role", "nurse", "--site", "mora")


def test_who_is_dialled_is_no_person(sanaga):
    answer = imported(sanaga, SERVER + peer(2) + peer(3, "vpn.example.cm:51820"))
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 2
    assert "1 peer with an Endpoint left out" in answer.err


def test_a_devices_own_file_is_told_apart_from_a_servers(sanaga):
    answer = imported(sanaga, SERVER + peer(3, "vpn.example.cm:51820"))
    assert (answer.code, answer.out) == (64, "")
    assert "give the server's file and not a device's own" in answer.err
