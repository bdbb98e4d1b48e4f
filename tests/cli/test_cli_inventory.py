"""Listing what exists, and exchanging it with other tools."""

import json
import re
from base64 import b64decode
from stat import S_IMODE

import pytest
import yaml


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("sites", ["yaounde", "garoua", "maroua", "mayo-sava", "mora", "kolofata"]),
        ("devices", ["yaounde-r1", "yaounde-r2", "garoua-r1", "maroua-r1", "mayo-sava-r1",
                     "mora-r1", "kolofata-r1"]),
    ],
)  # fmt: skip
def test_list_prints_every_thing_in_the_order_of_the_documents(sanaga, small, kind, names):
    answer = sanaga("inventory", "list", kind, "--dir", small)
    assert (answer.code, answer.err) == (0, "")
    head, *lines = answer.out.splitlines()
    assert head.isupper()
    assert [line.split()[0] for line in lines] == names


def test_list_shows_circuits_with_their_ends_and_state(sanaga, small):
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("disabled_media: []", "disabled_media: [leo]"))
    answer = sanaga("inventory", "list", "circuits", "--dir", small, "-o", "json")
    circuits = {row["name"]: row for row in json.loads(answer.out)}
    assert circuits["mayo-sava-mora-fibre"]["a"] == "mayo-sava-r1:eth2"
    assert circuits["mayo-sava-mora-fibre"]["state"] == "in use"
    assert circuits["kolofata-leo"]["b"] == "leo-operator"
    assert circuits["kolofata-leo"]["state"] == "off"


def test_list_gives_the_same_keys_as_yaml(sanaga, small):
    words = ("inventory", "list", "sites", "--dir", small, "-o")
    assert yaml.safe_load(sanaga(*words, "yaml").out) == json.loads(sanaga(*words, "json").out)


def test_export_nornir_writes_its_files_without_secrets(sanaga, small):
    answer = sanaga("inventory", "export", "nornir", "--dir", small, "--out", "nornir")
    assert (answer.code, answer.out) == (0, "")
    hosts = yaml.safe_load((sanaga.folder / "nornir" / "hosts.yaml").read_text())
    assert hosts["mora-r1"]["hostname"] == "198.18.0.6"
    assert "not-a-key" not in "".join(
        file.read_text() for file in (sanaga.folder / "nornir").iterdir()
    )


def test_export_nornir_needs_a_folder(sanaga, small):
    answer = sanaga("inventory", "export", "nornir", "--dir", small)
    assert (answer.code, answer.out) == (64, "")
    assert "--out" in answer.err


def test_export_ansible_prints_an_inventory_of_its_yaml_plugin(sanaga, small):
    answer = sanaga("inventory", "export", "ansible", "--dir", small)
    assert answer.code == 0
    everybody = yaml.safe_load(answer.out)["all"]
    assert everybody["hosts"]["mora-r1"]["ansible_host"] == "198.18.0.6"
    assert "mora-r1" in everybody["children"]["platform_frr"]["hosts"]


def test_export_ansible_is_refused_into_a_file_that_ansible_would_read_as_something_else(
    sanaga, small
):
    words = ("inventory", "export", "ansible", "--dir", small, "--out", "hosts.ini")
    answer = sanaga(*words)
    assert answer.code == 64
    assert "Ansible reads YAML only from files that end in .yaml" in answer.err
    assert not (sanaga.folder / "hosts.ini").exists()


def test_export_overwrites_nothing(sanaga, small):
    (sanaga.folder / "hosts.yaml").write_text("mine")
    words = ("inventory", "export", "ansible", "--dir", small, "--out", "hosts.yaml")
    answer = sanaga(*words)
    assert answer.code == 64
    assert "hosts.yaml exists already" in answer.err
    assert (sanaga.folder / "hosts.yaml").read_text() == "mine"


def test_import_of_an_exported_nornir_inventory_finds_the_same_devices(sanaga, small):
    sanaga("inventory", "export", "nornir", "--dir", small, "--out", "nornir")
    answer = sanaga("inventory", "import", "nornir")
    assert answer.code == 0
    assert answer.err.startswith("imported 7 devices;")
    devices = yaml.safe_load(answer.out)["devices"]
    listed = json.loads(sanaga("inventory", "list", "--dir", small, "-o", "json").out)
    assert [device["name"] for device in devices] == [device["name"] for device in listed]
    assert [device["site"] for device in devices] == [device["site"] for device in listed]


def test_import_of_a_foreign_csv_names_the_file(sanaga):
    (sanaga.folder / "prices.csv").write_text("fruit,price\nmango,100\n")
    answer = sanaga("inventory", "import", "prices.csv")
    assert (answer.code, answer.out) == (1, "")
    assert re.search(r"^prices.csv:1:1: .*NetBox", answer.err)


def test_import_says_what_it_took_and_what_it_left(sanaga):
    (sanaga.folder / "devices.csv").write_text(
        "Nom;Statut;Entité;Site;Rôle;Plateforme;Adresse IP\n"
        "Mora R1;Actif;MINSANTE;Mora;Router;FRR;2001:db8::1/64\n"
    )
    (sanaga.folder / "zoo.graphml").write_text(
        '<graphml><key attr.name="label" id="a"/><graph><node id="0"><data key="a">Douala</data>'
        "</node></graph></graphml>"
    )
    answer = sanaga("inventory", "import", "devices.csv", "zoo.graphml")
    assert answer.code == 0
    read = yaml.safe_load(answer.out)
    assert [device["name"] for device in read["devices"]] == ["mora-r1", "douala-r1"]
    assert answer.err.splitlines() == [
        "imported 2 devices, 1 site; 'sanaga validate' names what is missing; "
        "what was not taken, and why:",
        "devices.csv: mora-r1: '2001:db8::1/64' is IPv6, and management runs over IPv4; write that",
        "devices.csv: columns are not taken, since the intent has no such keys: "
        "Statut (1 row), Entité (1 row)",
        "zoo.graphml: sites have no coordinates in the file: douala",
    ]


def test_import_names_the_faults_of_all_files_at_once_and_writes_nothing(sanaga):
    (sanaga.folder / "a.gml").write_text("graph [ ]")
    (sanaga.folder / "hosts.yaml").write_text("a: {groups: [lost]}\n")
    answer = sanaga("inventory", "import", "a.gml", "hosts.yaml", "--out", "new.yaml")
    assert (answer.code, answer.out) == (1, "")
    assert "a.gml: this is GML, which is not imported" in answer.err
    assert "hosts.yaml: host a is in the group lost, which groups.yaml lacks" in answer.err
    assert not (sanaga.folder / "new.yaml").exists()


def test_import_believes_who_says_whose_a_file_is(sanaga):
    (sanaga.folder / "inventory.yaml").write_text("r1: {}\n")
    assert sanaga("inventory", "import", "inventory.yaml").code == 1
    answer = sanaga("inventory", "import", "inventory.yaml", "--from", "nornir")
    assert (answer.code, yaml.safe_load(answer.out)["devices"][0]["name"]) == (0, "r1")


def test_import_of_a_file_that_is_not_utf_8_says_so(sanaga):
    (sanaga.folder / "odd.csv").write_bytes(b"name,site\xff")
    answer = sanaga("inventory", "import", "odd.csv")
    assert (answer.code, answer.out) == (1, "")
    assert "odd.csv: the file is not UTF-8" in answer.err


def test_import_writes_a_document_that_validation_completes(sanaga):
    (sanaga.folder / "devices.csv").write_text("Name,Site,Role,Platform\nmora-r1,mora,Router,FRR\n")
    (sanaga.folder / "net").mkdir()
    answer = sanaga("inventory", "import", "devices.csv", "--out", "net/devices.yaml")
    assert (answer.code, answer.out) == (0, "")
    assert "wrote net/devices.yaml" in answer.err
    checked = sanaga("validate", "net")
    assert checked.code == 1
    assert "net/devices.yaml:" in checked.out
    assert "mora" in checked.out


def test_the_signing_key_is_made_once_and_only_its_public_half_is_shown(sanaga):
    first = sanaga("inventory", "signing-key")
    assert (first.code, first.err) == (0, "")
    assert len(b64decode(first.out, validate=False)) == 32
    assert sanaga("inventory", "signing-key").out == first.out
    secret = next(sanaga.folder.rglob("signing_key"))
    assert S_IMODE(secret.stat().st_mode) == 0o600
    assert not {*secret.read_text().splitlines()} & {*first.out.splitlines()}
