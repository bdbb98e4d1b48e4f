import pickle
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from inventory.documents.entries import read_documents
from inventory.errors import IntentError
from inventory.exchange.exports import export_ansible, export_nornir
from inventory.intent import MAX_FAULTS, check_intent, load_intent
from inventory.model import Level, Medium

SMALL = Path(__file__).parents[2] / "fixtures" / "small"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8f"
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA="


@pytest.fixture
def folder(tmp_path):
    """A copy of the small network to change."""
    for file in SMALL.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def change(folder, file, before, after):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def management(intent, device):
    found = intent.devices[device].management
    assert found is not None
    return found


def faults(folder):
    return [str(fault) for fault in check_intent(read_documents(folder))[1]]


def test_the_small_network_is_read_as_written():
    intent = load_intent(SMALL)
    assert (len(intent.sites), len(intent.devices)) == (6, 7)
    assert len(intent.circuits) == 9
    assert intent.sites["mora"].level is Level.ARRONDISSEMENT
    assert intent.sites["mora"].parent == "mayo-sava"
    assert str(intent.sites["mora"].routes[0].prefix) == "198.51.100.0/24"
    assert intent.circuits["kolofata-leo"].provider == "leo-operator"
    assert intent.circuits["kolofata-leo"].b is None
    assert intent.circuits["kolofata-leo"].medium is Medium.LEO
    assert management(intent, "mora-r1").address == IPv4Address("198.18.0.6")
    assert intent.zones["yaounde"].services == ("records", "imaging")


def test_only_the_first_device_of_a_site_is_on_its_lans_by_default():
    intent = load_intent(SMALL)
    assert intent.devices["yaounde-r1"].lan
    assert not intent.devices["yaounde-r2"].lan


def test_devices_of_a_site_come_by_number():
    intent = load_intent(SMALL)
    assert [d.name for d in intent.devices_at("yaounde")] == ["yaounde-r1", "yaounde-r2"]
    assert intent.devices_at("nowhere") == ()
    without = {name: d for name, d in intent.devices.items() if name != "yaounde-r1"}
    assert [d.name for d in replace(intent, devices=without).devices_at("yaounde")] == [
        "yaounde-r2"
    ]


def test_an_intent_survives_a_copy():
    intent = load_intent(SMALL)
    assert pickle.loads(pickle.dumps(intent)) == intent  # noqa: S301


def test_sections_merge_over_files_and_folders(folder):
    whole = load_intent(folder)
    (folder / "north").mkdir()
    (folder / "sites.yaml").rename(folder / "north" / "sites.yml")
    assert load_intent(folder) == whole


def test_hidden_files_and_folders_are_skipped(folder):
    (folder / ".git").mkdir()
    for name in (".git/x.yaml", ".x.yaml"):
        (folder / name).write_text("nonsense: [")
    assert not faults(folder)


def test_a_byte_order_mark_changes_nothing(folder):
    path = folder / "sites.yaml"
    whole = load_intent(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_intent(folder) == whole


def test_all_faults_come_in_one_error(folder):
    change(folder, "sites.yaml", "level: central", "level: centre")
    change(folder, "circuits.yaml", "medium: fibre", "medium: copper")
    with pytest.raises(IntentError) as caught:
        load_intent(folder)
    assert [fault.where.file for fault in caught.value.faults] == ["circuits.yaml", "sites.yaml"]


def test_no_fault_follows_from_an_entry_that_has_its_own(folder):
    change(folder, "sites.yaml", "title: Mora", "titel: Mora")
    change(folder, "devices.yaml", "platform: frr", "platform: fr")
    found = faults(folder)
    assert len(found) == 3
    assert not any("unknown site" in fault or "unknown device" in fault for fault in found)


def test_a_broken_file_makes_no_reference_to_its_entries_unknown(folder):
    change(folder, "sites.yaml", "title: Kolofata", "title: 'Kolofata")
    change(folder, "devices.yaml", "site: mora", "site: douala")
    assert [fault.split(": ", 1)[1].split(";")[0] for fault in faults(folder)] == [
        "unknown site 'douala'",
        "a quoted text is opened here and never closed",
    ]


def test_an_unreadable_file_makes_no_reference_unknown(folder):
    (folder / "sites.yaml").write_bytes("sites: é".encode("latin-1"))
    assert len(faults(folder)) == 1


def test_a_description_may_have_lines_but_no_other_control_characters(folder):
    change(
        folder, "sites.yaml", "title: Mora", 'title: Mora\n    description: "x\\n no router bgp"'
    )
    assert load_intent(folder).sites["mora"].description == "x\n no router bgp"
    change(folder, "sites.yaml", "x\\n", "x\\r")
    assert "U+000D" in faults(folder)[0]


def test_known_hosts_give_the_keys_of_devices_by_address_and_port(folder):
    change(folder, "devices.yaml", "address: 198.18.0.2", "address: 198.18.0.2\n      port: 2222")
    change(
        folder, "devices.yaml", "address: 198.18.0.3", f"address: 198.18.0.3\n      host_key: {KEY}"
    )
    lines = [
        f"198.18.0.1,198.18.0.9 {RSA}",
        f"198.18.0.1 {KEY} comment",
        f"[198.18.0.2]:2222 {KEY}",
    ]
    (folder / "known_hosts").write_text("\n".join(["# routers", "", *lines, f"198.18.0.3 {RSA}"]))
    intent = load_intent(folder)
    assert management(intent, "yaounde-r1").host_key == KEY
    assert management(intent, "yaounde-r2").host_key == KEY
    assert management(intent, "garoua-r1").host_key == KEY
    assert management(intent, "mora-r1").host_key == ""


def test_a_comment_in_known_hosts_never_becomes_a_line(folder):
    (folder / "known_hosts").write_text(f"# seen\u2028198.18.0.3 {RSA}\x0b198.18.0.3 {RSA}\n")
    assert {
        d.management.host_key for d in load_intent(folder).devices.values() if d.management
    } == {""}


def test_a_link_for_known_hosts_out_of_the_folder_is_refused(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "hosts"
    elsewhere.write_text("")
    (folder / "known_hosts").symlink_to(elsewhere)
    assert faults(folder) == [
        "known_hosts: a symbolic link out of the folder; "
        "copy the file into the folder, so that it is versioned with the rest"
    ]


def test_the_credential_of_a_device_is_never_repeated(folder):
    for value in ("hunter2", "12345678", "[hunter2]", "{env: hunter2}"):
        text = (SMALL / "devices.yaml").read_text(encoding="utf-8")
        changed = text.replace("env:SANAGA_SMALL_KEY", value)
        (folder / "devices.yaml").write_text(changed, encoding="utf-8")
        found = "\n".join(faults(folder))
        assert "credential" in found
        assert "hunter2" not in found
        assert "12345678" not in found


def test_the_next_free_number_is_offered_to_each_entry_without_one(folder):
    change(folder, "sites.yaml", "    number: 2\n", "")
    change(folder, "sites.yaml", "    number: 5\n", "")
    assert [fault.split("; ")[1] for fault in faults(folder)] == [
        "add 'number: 7'",
        "add 'number: 8'",
    ]


def test_a_device_without_management_is_accepted(folder):
    text = (folder / "devices.yaml").read_text(encoding="utf-8")
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("      "))
    (folder / "devices.yaml").write_text(bare.replace("    management:\n", ""), encoding="utf-8")
    intent = load_intent(folder)
    assert intent.devices["mora-r1"].management is None
    assert "hostname" not in export_nornir(intent)["hosts.yaml"]
    assert "ansible_host" not in export_ansible(intent)


def test_a_site_has_no_eighth_device(folder):
    more = "".join(
        f"  - {{name: x{n}, site: mora, number: {n}, role: switch, platform: ios}}\n"
        for n in (*range(2, 8), 7)
    )
    path = folder / "devices.yaml"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert any("a site has at most 7 devices" in fault for fault in faults(folder))


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("ssh-dss AAAA", "does not begin with a known type"),
        ("ssh-ed25519 ?", "not base64"),
        ("ssh-ed25519", "cut short"),
        (KEY[:-8], "cut short"),
        (RSA.replace("ssh-rsa", "ssh-ed25519"), "is no ssh-ed25519 key"),
    ],
)
def test_a_host_key_that_is_none_is_refused(folder, key, what):
    change(folder, "devices.yaml", "username: root", f"username: root\n      host_key: {key}")
    assert what in faults(folder)[0]


@pytest.mark.parametrize(
    "text",
    [
        "sites: [" + "a," * 30_000 + "]",
        "sites: [" + "&a b," * 5_000 + "]",
        "".join(f"key{n}: 1\n" for n in range(5_000)),
        "sites:\n  - {" + "".join(f"key{n}: 1, " for n in range(5_000)) + "}\n",
    ],
    ids=["entries", "anchors", "sections", "keys"],
)
def test_a_folder_of_nothing_but_faults_is_answered_with_a_bounded_number(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    assert 1_000 <= len(faults(tmp_path)) <= MAX_FAULTS + 10
