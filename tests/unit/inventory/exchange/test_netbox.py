"""NetBox's CSV files become sections of intent documents, and say what was not taken."""

import pytest
import yaml

from inventory.errors import IntentError
from inventory.exchange.netbox import import_netbox
from inventory.exchange.report import to_yaml

DEVICES = """\
Name,Status,Site,Role,Platform,IPv4 Address,Description
Mora R1,Active,Mora,Router,FRRouting,198.18.0.19/24,
mora-sw1,Active,Mora,Access Switch,cisco-ios,,by the door
kolofata-r1,Active,Kolofata,Router,Juniper Junos,198.18.0.20,"a, b"
"""


def sections(text):
    return import_netbox("x.csv", text).sections


def notices(text):
    return [str(notice) for notice in import_netbox("x.csv", text).notices]


def test_devices_get_our_platforms_roles_and_numbers_within_their_site():
    assert sections(DEVICES)["devices"] == [
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
    assert notices(DEVICES) == [
        "x.csv: columns are not taken, since the intent has no such keys: Status (3 rows)"
    ]


def test_an_export_of_sites_as_on_the_screen_is_read():
    text = "Name,Status,Facility,Region,Group,Tenant,Description\nMora,active,,CM-EN,,MINSANTE,x\n"
    assert sections(text) == {
        "sites": [
            {"name": "mora", "number": 1, "title": "Mora", "region": "CM-EN", "description": "x"}
        ]
    }
    (told,) = notices(text)
    assert told.endswith("no such keys: Status (1 row), Tenant (1 row)")


def test_an_export_of_all_data_of_sites_is_read():
    text = (
        "ID,Name,Slug,Status,Facility,Region,Group,Tenant,Tenant Group,ASNs,ASN Count,Time zone,"
        "Description,Physical address,Shipping address,Latitude,Longitude,Comments,Contacts,Tags\n"
        "7,Ngaoundéré,ngaoundere,active,,CM-AD,,,,,0,,,,,7.320000,13.580000,,,\n"
    )
    (site,) = sections(text)["sites"]
    assert site["place"] == {"latitude": 7.32, "longitude": 13.58}
    assert site["title"] == "Ngaoundéré"


def test_an_export_of_all_data_of_cables_is_read():
    text = (
        "ID,Label,Termination A,Termination B,Device A,Device B,Rack A,Rack B,Location A,"
        "Location B,Site A,Site B,Status,Type,Tenant,Tenant Group,Color,Color Name,Length\n"
        "1,,eth2,eth2,mora-r1,kolofata-r1,,,,,Mora,Kolofata,planned,Single-mode Fiber (OS2),,,#,,\n"
    )
    assert sections(text)["circuits"] == [
        {
            "name": "mora-r1-kolofata-r1-1",
            "number": 1,
            "a": {"device": "mora-r1", "interface": "eth2"},
            "b": {"device": "kolofata-r1", "interface": "eth2"},
            "medium": "fibre",
            "enabled": False,
        }
    ]


def test_an_export_of_cables_as_on_the_screen_lacks_the_devices_and_says_so():
    text = "ID,Label,Termination A,Termination B,Status,Type\n1,Mora 1,eth2,eth3,Connected,smf\n"
    assert sections(text)["circuits"] == [
        {
            "name": "mora-1",
            "number": 1,
            "a": {"interface": "eth2"},
            "b": {"interface": "eth3"},
            "medium": "fibre",
        }
    ]
    assert any("no columns 'Device A' and 'Device B'" in told for told in notices(text))


@pytest.mark.parametrize(
    "headings",
    [
        "Nom;Statut;Entité;Site;Emplacement;Baie;Rôle;Fabricant;Type;Adresse IP",
        "Name;Status;Mandant;Standort;Lokation;Rack;Rolle;Hersteller;Typ;IP-Adresse",
        "Nombre;Estado;Inquilino;Sitio;Ubicación;Rack;Rol;Fabricante;Tipo;Dirección IP",
        "名称;状态;租户;站点;位置;机柜;角色;厂商;类型;IP地址",
        "Имя;Статус;Собственник;Площадка;Локация;Стойка;Роль;Производитель;Тип;IP-адрес",
    ],
)
def test_an_export_of_devices_is_read_in_the_languages_of_netbox(headings):
    row = "Mora R1;Actif;MINSANTE;Mora;;;Router;FRR;VM;198.18.0.19/24"
    assert sections(f"{headings}\n{row}\n")["devices"] == [
        {
            "name": "mora-r1",
            "site": "mora",
            "number": 1,
            "role": "router",
            "management": {"address": "198.18.0.19"},
        }
    ]


def test_sites_with_semicolons_may_have_decimal_commas():
    text = "\ufeffNom;Identifiant;Latitude;Longitude\nMora;mora;11,04611;14,14011\n"
    (site,) = sections(text)["sites"]
    assert site["place"] == {"latitude": 11.04611, "longitude": 14.14011}


def test_french_cables_are_read():
    text = (
        "ID;Libellé;Terminaison A;Terminaison B;Appareil A;Appareil B;Statut;Type\n"
        "1;;eth2;eth3;mora-r1;kolofata-r1;connecté;smf\n"
    )
    (cable,) = sections(text)["circuits"]
    assert cable["b"] == {"device": "kolofata-r1", "interface": "eth3"}


def test_an_import_template_of_cables_is_read():
    text = (
        "side_a_device,side_a_type,side_a_name,side_b_device,side_b_type,side_b_name,type\n"
        "mora-r1,dcim.interface,eth2,kolofata-r1,dcim.interface,eth2,smf-os2\n"
    )
    (cable,) = sections(text)["circuits"]
    assert cable["a"] == {"device": "mora-r1", "interface": "eth2"}
    assert cable["medium"] == "fibre"


def test_what_a_cell_holds_in_vain_is_reported_with_its_line():
    text = (
        "Label,Termination A,Termination B,Device A,Device B,Type\n"
        'one,"eth1,eth2",eth3,mora-r1,kolofata-r1,smf,odd\n'
    )
    (cable,) = sections(text)["circuits"]
    assert cable["a"] == {"device": "mora-r1"}
    assert any(
        told.startswith("x.csv:2:1: end a has several terminations") for told in notices(text)
    )
    assert "x.csv:2:1: this row has more cells than headings; the rest is not taken" in notices(
        text
    )
    devices = "Name,Site,Platform,IP Address\nmora-r1,Mora,FRR,2001:db8::1/64\n"
    assert any("is IPv6" in told for told in notices(devices))
    assert any("no letter a-z" in told for told in notices("Name,Site,Platform\nルータ,Mora,FRR\n"))


def test_devices_and_cable_ends_may_lack_a_name():
    devices = sections("Name,Site,Role\n,Mora,Router\n")["devices"]
    assert devices == [{"site": "mora", "number": 1, "role": "router"}]
    headings = "Side A Device,Side A Name,Side B Device,Side B Name\n"
    (cable,) = sections(f"{headings},,mora-r1,eth1\n")["circuits"]
    assert cable["name"] == "mora-r1-1"
    assert cable["b"] == {"device": "mora-r1", "interface": "eth1"}


def test_a_csv_that_cannot_be_read_is_refused_with_its_line():
    text = f"name,site\nmora-r1,mora\n{'a' * 140_000},mora\n"
    with pytest.raises(IntentError, match=r"devices\.csv:3:1: .*not CSV"):
        import_netbox("devices.csv", text)
    with pytest.raises(IntentError, match=r"devices\.csv: the file is empty"):
        import_netbox("devices.csv", "\n")


@pytest.mark.parametrize(
    ("headings", "what"),
    [
        ("Name,Location,Status,Facility ID,Site,Tenant,Role,U Height,Devices,Space,Power", "racks"),
        ("Name,Status,Site,Cluster,Device,Role,Tenant,VCPUs,Memory,Disk", "virtual machines"),
        ("VID,Name,Site,VLAN Group,Prefixes,Tenant,Status,Role", "VLANs"),
        ("Prefix,Status,Children,VRF,Utilization,Tenant,Site,VLAN,Role", "prefixes"),
        ("Name,Site,Status,Facility,Tenant,Racks,Devices", "locations"),
        ("Circuit ID,Provider,Type,Status,Tenant,Side A,Side Z", "circuits of providers"),
    ],
)
def test_other_tables_of_netbox_are_refused_by_name(headings, what):
    with pytest.raises(IntentError, match=rf"x\.csv:1:1: .*NetBox export of {what}, which"):
        import_netbox("x.csv", f"{headings}\n{'a,' * 9}\n")


def test_other_headings_are_refused_with_the_file_named():
    with pytest.raises(IntentError, match=r"prices.csv:1:1: .*NetBox"):
        import_netbox("prices.csv", "fruit,price\nmango,100\n")


def test_text_of_a_source_stays_text():
    text = DEVICES.replace("by the door", "x: {y} # z")
    document = yaml.safe_load(to_yaml(sections(text)))
    assert document["devices"][1]["description"] == "x: {y} # z"


def test_a_secret_in_a_description_is_not_taken_and_not_shown():
    key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
    text = DEVICES.replace("by the door", f"key {key}")
    assert key not in to_yaml(sections(text))
    told = "\n".join(notices(text))
    assert "a description that seems to hold a secret is not taken: mora-sw1" in told
    assert key not in told
