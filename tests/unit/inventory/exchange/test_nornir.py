"""Nornir's SimpleInventory, read as Nornir 3 reads the same files."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nornir.plugins.inventory import simple
from ruamel import yaml as ruamel

from inventory.errors import IntentError
from inventory.exchange.formats import import_path
from inventory.exchange.nornir import import_nornir, read_inventory
from tests.rigs.examples import examples

ATTRIBUTES = ("hostname", "port", "username", "password", "platform")
HOSTS = """
mora-r1:
  hostname: r1.mora.example.org
  groups: [north, frr]
  data: {site: mora}
kolofata-r1:
  hostname: 198.18.0.20
  port: 22
  groups: [north]
  data: {site: no, role: on, code: 0010, at: 12:30, note: ~}
yaounde-r1:
  username: admin
  groups: [frr, north]
  password: not-a-real-secret
  data: {site: yaounde}
"""
GROUPS = """
frr: {platform: frr, groups: [all-routers], data: {vendor: frr}}
north: {username: noc, data: {region: CM-EN, vendor: mixed}, groups: [all-routers]}
all-routers: {port: 2222, platform: ios, data: {role: router, region: CM}}
"""
DEFAULTS = "{username: nobody, port: 830, data: {site: nowhere, ntp: 10.0.0.1}}"


def write(folder: Path, hosts: str, groups: str = "", defaults: str = "") -> Path:
    texts = {"hosts.yaml": hosts, "groups.yaml": groups, "defaults.yaml": defaults}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def of_nornir(folder: Path):
    files = (str(folder / f"{name}.yaml") for name in ("hosts", "groups", "defaults"))
    return simple.SimpleInventory(*files).load()


def test_hosts_inherit_what_nornir_says_that_they_do(tmp_path):
    theirs = of_nornir(write(tmp_path, HOSTS, GROUPS, DEFAULTS))
    ours = read_inventory("hosts.yaml", HOSTS, GROUPS, DEFAULTS)
    assert [*ours.hosts] == [*theirs.hosts]
    for name, host in theirs.hosts.items():
        own = ours.hosts[name]
        assert {key: ours.attribute(own, key) for key in ATTRIBUTES} == {
            key: getattr(host, key) for key in ATTRIBUTES
        }
        assert ours.data(own) == host.extended_data()


NAMES = st.sampled_from(["a", "b", "c", "d"])
WORDS = st.sampled_from(["x", "y", "z", None])
PARTS = st.fixed_dictionaries(
    {"data": st.dictionaries(NAMES, WORDS, max_size=3)},
    optional={"username": WORDS, "platform": WORDS, "port": st.sampled_from([22, 0, None])},
)


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(PARTS, st.lists(st.integers(0, 5), max_size=3)), min_size=6, max_size=6))
def test_any_tree_of_groups_is_inherited_as_nornir_does(tmp_path_factory, drawn):
    # A group has later ones alone, so that there is no circle.
    every = {
        f"g{i}": {**part, "groups": [f"g{j}" for j in above if j > i]}
        for i, (part, above) in enumerate(drawn)
    }
    hosts = {
        f"h{i}": {**part, "groups": [f"g{j}" for j in above]}
        for i, (part, above) in enumerate(drawn)
    }
    texts = [str(hosts), str(every), str({"username": "z", "data": {"a": "default"}})]
    texts = [text.replace("None", "null") for text in texts]
    theirs = of_nornir(write(tmp_path_factory.mktemp("nornir"), *texts))
    ours = read_inventory("hosts.yaml", *texts)
    for name, host in theirs.hosts.items():
        own = ours.hosts[name]
        assert ours.data(own) == host.extended_data()
        assert all(ours.attribute(own, key) == getattr(host, key) for key in ATTRIBUTES)


@settings(max_examples=examples(300))
@given(
    st.one_of(
        st.from_regex(r"[-+]?[0-9][0-9_.:xobeE+-]{0,6}", fullmatch=True),
        st.sampled_from(
            ["yes", "no", "on", "Yes", "True", "FALSE", "y", "~", "Null", "012", "0o14", "1:30"]
        ),
        st.sampled_from(["2024-01-31", "2024-01-31 10:00:00", ".5", "-.inf", ".nan", "<<", "="]),
    )
)
def test_plain_words_mean_what_they_mean_to_nornir(text):
    assume(not text.endswith(":"))
    written = f"h:\n  data:\n    site: {text}\n"
    try:
        theirs = ruamel.YAML(typ="safe", pure=True).load(written)
    except Exception:  # noqa: BLE001 - what Nornir cannot read, we need not read alike
        return
    ours = read_inventory("hosts.yaml", written)
    assert repr(ours.hosts["h"].data) == repr(theirs["h"]["data"])


def test_what_of_a_host_is_taken_and_what_is_not_is_said():
    found = import_nornir("hosts.yaml", HOSTS, GROUPS, DEFAULTS)
    mora, kolofata, yaounde = found.sections["devices"]
    assert mora == {
        "name": "mora-r1",
        "site": "mora",
        "number": 1,
        "role": "router",
        "platform": "ios",
        "management": {"port": 2222, "username": "noc"},
    }
    assert (kolofata["site"], kolofata["role"]) == ("no", "on")
    assert kolofata["management"] == {"address": "198.18.0.20", "port": 22, "username": "noc"}
    assert "management" not in yaounde
    told = "\n".join(map(str, found.notices))
    assert "mora-r1: 'r1.mora.example.org' is a DNS name; write the IPv4 address" in told
    assert "passwords are not taken; keep them under 'credential' references: yaounde-r1" in told
    assert "have no management address; port and username not taken: yaounde-r1" in told
    assert "devices have no such keys: region, vendor, ntp, code, at, note" in told
    assert "not-a-real-secret" not in told


def test_what_nornir_stops_at_is_refused_all_at_once():
    with pytest.raises(IntentError) as caught:
        import_nornir("hosts.yaml", "a: {groups: [lost]}\nb: 7\nc: {groups: x}\n", "g: []\n", "[1]")
    told = [str(fault) for fault in caught.value.faults]
    assert len(told) == 5
    assert any("host a is in the group lost, which groups.yaml lacks" in one for one in told)
    with pytest.raises(IntentError, match="'a' is written twice"):
        import_nornir("hosts.yaml", "a: {}\na: {}\n")


def test_groups_in_a_circle_end():
    found = import_nornir("hosts.yaml", "a: {groups: [g]}", "g: {groups: [h]}\nh: {groups: [g]}")
    assert found.sections["devices"][0]["name"] == "a"


def test_a_nornir_host_whose_name_has_no_letter_is_left_without_one():
    found = import_nornir("hosts.yaml", "'---': {hostname: 198.18.0.1, data: {site: mora}}")
    assert found.sections["devices"] == [
        {"site": "mora", "number": 1, "management": {"address": "198.18.0.1"}}
    ]
    assert "the name '---' has no letter" in str(found.notices[0])


@pytest.mark.parametrize("text", ["[a, b]", "a: b", "a: [1", "'", "a: {seen: 2024-13-45}"])
def test_what_is_no_simple_inventory_is_refused(text):
    with pytest.raises(IntentError, match=r"hosts\.yaml"):
        import_nornir("hosts.yaml", text)


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_folder_is_read_with_its_groups_and_defaults(tmp_path, suffix):
    for file in [*write(tmp_path, HOSTS, GROUPS, DEFAULTS).iterdir()]:
        file.rename(file.with_suffix(suffix))
    found = import_path(tmp_path)
    assert found.sections["devices"][0]["management"] == {"port": 2222, "username": "noc"}
    assert [device["name"] for device in found.sections["devices"]] == [
        "mora-r1",
        "kolofata-r1",
        "yaounde-r1",
    ]
