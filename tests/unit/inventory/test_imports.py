"""Other tools' inventories become sections of intent documents."""

import pytest
import yaml

from inventory.errors import IntentError
from inventory.imports import from_csv, from_nornir, to_yaml

DEVICES = """\
Name,Status,Site,Role,Platform,IPv4 Address,Description
Mora R1,Active,Mora,Router,FRRouting,198.18.0.19/24,
mora-sw1,Active,Mora,Access Switch,cisco-ios,,by the door
kolofata-r1,Active,Kolofata,Router,Juniper Junos,198.18.0.20,"a, b"
"""


def test_netbox_devices_get_our_platforms_roles_and_numbers_within_their_site():
    devices = from_csv("devices.csv", DEVICES)["devices"]
    assert devices == [
        {
            "name": "mora-r1",
            "site": "mora",
            "number": 1,
            "role": "router",
            "platform": "frr",
            "management": {"address": "198.18.0.19"},
        },
        {
            "name": "mora-sw1",
            "site": "mora",
            "number": 2,
            "role": "switch",
            "platform": "ios",
            "description": "by the door",
        },
        {
            "name": "kolofata-r1",
            "site": "kolofata",
            "number": 1,
            "role": "router",
            "platform": "junos",
            "management": {"address": "198.18.0.20"},
            "description": "a, b",
        },
    ]


def test_netbox_sites_keep_accents_in_the_title_and_leave_out_what_is_unknown():
    text = "name,slug,region,latitude,longitude\nNgaoundéré,,CM-AD,7.32,13.58\n"
    assert from_csv("sites.csv", text) == {
        "sites": [
            {
                "name": "ngaoundere",
                "number": 1,
                "title": "Ngaoundéré",
                "region": "CM-AD",
                "place": {"latitude": 7.32, "longitude": 13.58},
            }
        ]
    }


def test_netbox_cables_become_circuits_with_both_ends():
    text = (
        "Label,Side A Device,Side A Name,Side B Device,Side B Name,Type\n"
        ",mora-r1,eth2,kolofata-r1,eth2,smf-os2\n"
    )
    assert from_csv("cables.csv", text) == {
        "circuits": [
            {
                "name": "mora-r1-kolofata-r1-1",
                "number": 1,
                "a": {"device": "mora-r1", "interface": "eth2"},
                "b": {"device": "kolofata-r1", "interface": "eth2"},
                "medium": "fibre",
            }
        ]
    }


def test_netbox_devices_and_cable_ends_may_lack_a_name():
    devices = from_csv("devices.csv", "Name,Site,Role\n,Mora,Router\n")["devices"]
    assert devices == [{"site": "mora", "number": 1, "role": "router"}]
    headings = "Side A Device,Side A Name,Side B Device,Side B Name\n"
    (cable,) = from_csv("cables.csv", f"{headings},,mora-r1,eth1\n")["circuits"]
    assert cable["name"] == "mora-r1-1"
    assert cable["b"] == {"device": "mora-r1", "interface": "eth1"}


def test_a_csv_that_cannot_be_read_is_refused_with_its_line():
    text = f"name,site\nmora-r1,mora\n{'a' * 140_000},mora\n"
    with pytest.raises(IntentError, match=r"devices\.csv:3:1: .*not CSV"):
        from_csv("devices.csv", text)


def test_other_headings_are_refused_with_the_file_named():
    with pytest.raises(IntentError, match=r"prices.csv:1:1: .*NetBox"):
        from_csv("prices.csv", "fruit,price\nmango,100\n")


def test_nornir_hosts_inherit_from_their_groups():
    hosts = """
mora-r1:
  hostname: 198.18.0.19
  groups: [frr]
  data: {site: mora}
"""
    groups = "frr: {platform: frr, port: 2222, username: noc, data: {role: router}}"
    assert from_nornir("hosts.yaml", hosts, groups)["devices"] == [
        {
            "name": "mora-r1",
            "site": "mora",
            "number": 1,
            "role": "router",
            "platform": "frr",
            "management": {"address": "198.18.0.19", "port": 2222, "username": "noc"},
        }
    ]


def test_a_nornir_host_whose_name_has_no_letter_is_left_without_one():
    hosts = "'---': {hostname: 198.18.0.1, data: {site: mora}}"
    (device,) = from_nornir("hosts.yaml", hosts)["devices"]
    assert device == {"site": "mora", "number": 1, "management": {"address": "198.18.0.1"}}


@pytest.mark.parametrize("text", ["[a, b]", "a: b", "a: [1", "'", "a: {seen: 2024-13-45}"])
def test_what_is_no_simple_inventory_is_refused(text):
    with pytest.raises(IntentError, match=r"hosts\.yaml"):
        from_nornir("hosts.yaml", text)


def test_text_of_a_source_stays_text():
    text = DEVICES.replace("by the door", "x: {y} # z")
    document = yaml.safe_load(to_yaml(from_csv("devices.csv", text)))
    assert document["devices"][1]["description"] == "x: {y} # z"
