"""Every key of every document refuses what it cannot be, at its place and in our own words."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from pydantic import BaseModel

from inventory.documents import schema
from inventory.documents.entries import read_documents
from inventory.documents.fields import Document
from inventory.intent import check_intent

SNMP: Final = (
    {
        "version": "v3",
        "port": 161,
        "user": "sanaga",
        "authentication": "sealed:vault.json#authentication",
        "privacy": "sealed:vault.json#privacy",
    },
    {"version": "v2c", "community": "env:COMMUNITY"},
)
FULL = {
    "network": {
        "name": "full",
        "asn": 65000,
        "addressing": {
            "ipv4_sites": "10.0.0.0/8",
            "ipv4_loopbacks": "172.16.0.0/14",
            "ipv4_links": "172.20.0.0/14",
            "ipv4_tunnels": "172.24.0.0/15",
            "ipv4_people": "172.26.0.0/15",
            "ipv6": "fd5a:6e61:6700::/40",
        },
        "thresholds": {"devices": 0.5, "facilities": 0},
        "disabled_media": ["leo"],
        "management_namespace": "noc",
        "preshared": 2,
        "segmentation": False,
        "controller": {"endpoints": ["noc.example.cm:8444"]},
    },
    "sites": [
        {
            "name": "yaounde",
            "number": 1,
            "level": "central",
            "title": "Yaoundé",
            "region": "CM-CE",
            "place": {"latitude": 3.8, "longitude": 11, "quality": "exact"},
            "population": 2765600,
            "pcode": "CM002007",
            "description": "The centre",
            "contact": "the head nurse",
            "facilities": [{"name": "Hôpital", "kind": "central-hospital", "oncology": True}],
            "rooms": [{"name": "room-1", "equipment": {"headset": 2}}],
            "routes": [{"prefix": "198.51.100.0/24", "via": "10.0.2.5"}],
        },
        {
            "name": "maroua",
            "number": 2,
            "level": "regional",
            "parent": "yaounde",
            "title": "Maroua",
            "region": "CM-EN",
            "place": {"latitude": 10, "longitude": 14},
        },
    ],
    "devices": [
        {
            "name": f"{site}-r1",
            "site": site,
            "number": 1,
            "role": "router",
            "platform": "frr",
            "management": {
                "address": f"198.18.0.{index}",
                "port": 22,
                "username": "root",
                "credential": "sealed:vault.json#key",
                "host_key": "",
            },
            "lan": True,
            "packet_filter": False,
            "snmp": SNMP[index - 1],
            "description": "",
        }
        for index, site in enumerate(("yaounde", "maroua"), 1)
    ],
    "circuits": [
        {
            "name": "trunk",
            "number": 1,
            "a": {"device": "yaounde-r1", "interface": "eth1"},
            "b": {"device": "maroua-r1", "interface": "Gi0/0/1.10"},
            "medium": "fibre",
            "rate_up_mbps": 1000,
            "rate_down_mbps": 0.5,
            "delay_ms": 0,
            "metered": False,
            "cost": 3,
            "mtu": 1492,
            "maintenance": False,
            "enabled": True,
            "description": "x",
        },
        {
            "name": "sky",
            "number": 2,
            "a": {"device": "maroua-r1", "interface": "eth9"},
            "provider": "leo-operator",
            "medium": "leo",
            "rate_up_mbps": 20,
            "rate_down_mbps": 150,
            "delay_ms": 35.5,
        },
    ],
    "zones": [{"name": "yaounde", "site": "yaounde", "services": ["records"]}],
}
WRONG = ({"x": [1]}, [[1]], [{"x": 1}], True, 10**30, float("nan"), "\x1b;x y", "")
PYDANTIC = ("Input should", "Field required", "Extra inputs", "validation error", "pydantic")

FLAGS = frozenset(
    {"oncology", "lan", "metered", "maintenance", "enabled", "packet_filter", "segmentation"}
)
MAY_BE_EMPTY = frozenset({"description", "credential", "host_key"})

Path = tuple[str | int, ...]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the way to every value inside a tree."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*at, key))


def changed(path: Path, value: object) -> object:
    """Return the full tree with one value replaced."""
    tree = json.loads(json.dumps(FULL))
    inner = tree
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return tree


def faults(folder, tree):
    # JSON is YAML, but for the names of what is no number.
    text = json.dumps(tree, indent=1, ensure_ascii=True).replace("NaN", ".nan")
    (folder / "x.yaml").write_text(text)
    return check_intent(read_documents(folder))[1]


def test_the_full_tree_is_accepted_and_has_every_key(tmp_path):
    assert not faults(tmp_path, FULL)
    written = {str(step) for path in paths(FULL) for step in path}
    assert {name for model in documents() for name in model.model_fields} <= written


@pytest.mark.parametrize("path", list(paths(FULL)), ids=lambda path: ".".join(map(str, path)))
def test_a_wrong_value_is_a_fault_in_our_own_words(tmp_path, path):
    for wrong in WRONG:
        found = faults(tmp_path, changed(path, wrong))
        allowed = wrong == "" and path[-1] in MAY_BE_EMPTY
        allowed = allowed or (wrong is True and path[-1] in FLAGS)
        assert allowed or found, wrong
        for fault in found:
            assert not any(words in str(fault) for words in PYDANTIC)
            assert str(fault).isprintable()


@pytest.mark.parametrize(
    "path",
    [path for path in paths(FULL) if isinstance(path[-1], str)],
    ids=lambda path: ".".join(map(str, path)),
)
def test_an_unknown_key_is_a_fault_at_the_key(tmp_path, path):
    key = f"{path[-1]}x"
    found = faults(tmp_path, changed((*path[:-1], key), 1))
    lines = (tmp_path / "x.yaml").read_text().splitlines()
    assert any(
        f"'{key}'" in fault.what and f'"{key}"' in lines[fault.where.line - 1] for fault in found
    )


def documents() -> list[type[BaseModel]]:
    """Return every document of the inventory."""
    found = (value for value in vars(schema).values() if isinstance(value, type))
    return [d for d in found if issubclass(d, Document) and d is not Document]
