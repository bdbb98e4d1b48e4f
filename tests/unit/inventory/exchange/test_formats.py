"""Whose format a file has; what is not read is refused by its name."""

import os

import pytest

from inventory.errors import IntentError
from inventory.exchange.formats import Source, import_path, recognise

NORNIR = "mora-r1: {hostname: 198.18.0.19, groups: []}\n"
ANSIBLE = "routers: {hosts: {mora-r1: {ansible_host: 198.18.0.19}}}\n"


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("devices.csv", "Name;Site", Source.NETBOX),
        ("DEVICES.CSV", "Name,Site", Source.NETBOX),
        ("devices.txt", "Name;Site;Rôle\nmora-r1;Mora;Router\n", Source.NETBOX),
        ("hosts.yaml", NORNIR, Source.NORNIR),
        ("hosts.YML", NORNIR, Source.NORNIR),
        ("hosts.yaml", "mora-r1: {}\n", Source.NORNIR),
        ("hosts.yaml", ANSIBLE, Source.ANSIBLE),
        ("hosts.yaml", "a: {hosts: {b: {}}, description: x}\n", Source.ANSIBLE),
        ("inventory.json", '{"_meta": {"hostvars": {}}}', Source.ANSIBLE),
        ("hosts", "[routers]\nmora-r1\n", Source.ANSIBLE),
        ("hosts", "mora-r1 ansible_host=198.18.0.19\n", Source.ANSIBLE),
        ("prod.ini", "mora-r1\n", Source.ANSIBLE),
        ("Abilene.graphml", "", Source.GRAPHML),
        ("abilene.xml", "<?xml version='1.0'?><graphml/>", Source.GRAPHML),
    ],
)
def test_a_format_is_known_by_name_or_content(tmp_path, name, text, source):
    assert recognise(tmp_path / name, text) is source


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("Abilene.gml", b"graph [ ]", "this is GML, which is not imported; the Topology Zoo has"),
        ("a.gexf", b"<gexf/>", "this is GEXF"),
        ("a.dot", b"graph a {}", "this is Graphviz's DOT"),
        ("a.xlsx", b"", "this is an Excel workbook, which is not imported; save its sheet as CSV"),
        ("devices.csv", b"PK\x03\x04xx", "this is an Excel workbook"),
        ("a.geojson", b"{}", "this is GeoJSON"),
        ("a.json", b'{"type": "FeatureCollection", "features": []}', "this is GeoJSON"),
        ("a.json", b'{"nodes": [], "links": []}', "this is a node-link graph"),
        ("a.json", b'{"count": 0, "results": []}', "this is an answer of NetBox's API"),
        ("a.yaml", b"manufacturer: Cisco\nmodel: ISR\n", "this is a device type of NetBox"),
        ("a.yaml", b"sites: []\n", "this is an intent document already"),
        ("a.yaml", b"apiVersion: v1\nkind: Pod\n", "this is a document of Kubernetes"),
        ("a.yaml", b"topology: {nodes: {}}\n", "topology of another laboratory tool"),
        ("a.yaml", b"x: 1\n", "no inventory that is known, which is not imported; what can be"),
        ("a.yaml", b"- a\n", "of an unknown format"),
        ("a.yaml", b"- hosts: all\n  tasks: []\n", "this is an Ansible playbook"),
        ("nb.yml", b"plugin: netbox.netbox.nb_inventory\n", "configuration of an inventory plugin"),
        (
            "config.yaml",
            b"inventory: {plugin: SimpleInventory}\n",
            "this is Nornir's configuration",
        ),
        (
            "a.json",
            b"[" * 200_000,
            "a.json:1:101: more than 100 levels of nesting; no inventory is that deep; undo it",
        ),
        ("a.graphml", b"<graphml>" + b"<graph>" * 200_000, "this is not XML"),
        ("a.rsc", b"/ip address\n", "of an unknown format, '.rsc'"),
        ("notes.txt", b"call the ministry\n", "of an unknown format"),
        ("inventory.sh", b"#!/bin/sh\n", "this is a program"),
        ("inventory", b"#!/usr/bin/env python3\n", "this is a program"),
        ("all.yml", b"$ANSIBLE_VAULT;1.1;AES256\n61\n", "that ansible-vault encrypted"),
        ("odd.csv", b"name,site\xff", "the file is not UTF-8; save it as UTF-8"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IntentError) as caught:
        import_path(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert what in str(caught.value)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "devices.csv")
    with pytest.raises(IntentError, match="this is no regular file"):
        import_path(tmp_path / "devices.csv")


def test_a_csv_that_excel_saved_as_unicode_is_read(tmp_path):
    text = "Name\tSite\tPlatform\nmora-r1\tMora\tFRR\n"
    (tmp_path / "devices.csv").write_bytes(text.encode("utf-16"))
    assert import_path(tmp_path / "devices.csv").sections["devices"][0]["name"] == "mora-r1"


def test_who_says_whose_a_file_is_is_believed(tmp_path):
    (tmp_path / "inventory.yaml").write_text("r1: {}\n")
    with pytest.raises(IntentError):
        import_path(tmp_path / "inventory.yaml")
    assert import_path(tmp_path / "inventory.yaml", Source.NORNIR).sections["devices"]


@pytest.mark.parametrize("files", [{}, {"README.md": "text"}, {"a.csv": "Name,Site\n"}])
def test_a_folder_without_an_inventory_is_refused(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(IntentError, match="which is not imported"):
        import_path(tmp_path)
