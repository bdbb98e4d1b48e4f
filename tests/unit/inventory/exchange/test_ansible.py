"""Ansible's inventories, compared with what the real ansible-inventory makes of the same files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nornir.plugins.inventory import simple

from inventory.errors import IntentError
from inventory.exchange.ansible import import_ansible, read_inventory
from inventory.exchange.ansible_model import expand
from inventory.exchange.exports import export_ansible, export_nornir
from inventory.exchange.formats import import_path
from inventory.exchange.nornir import import_nornir
from inventory.exchange.report import Report
from inventory.intent import load_intent

SMALL = Path(__file__).parents[3] / "fixtures" / "small"
PROGRAM = Path(sys.executable).with_name("ansible-inventory")

GROUPS_YAML = """
all:
  vars: {ansible_user: everybody, site: nowhere, ntp: 10.0.0.1}
  hosts:
    lonely: {ansible_host: 198.18.0.1, answer: yes}
  children:
    routers:
      vars: {ansible_network_os: frr.frr.frr, ansible_user: noc, role: router, level: 1}
      children:
        north:
          hosts:
            mora-r1: {ansible_host: 198.18.0.19, ansible_port: 2222, site: mora}
            "k[01:03].example.org:830": {site: kolofata}
          vars: {level: 2}
    zeta:
      vars: {level: 3, both: zeta}
      hosts: {mora-r1: }
    alpha:
      vars: {level: 4, both: alpha, ansible_group_priority: 10}
      hosts: {mora-r1: , lonely: }
"""
GROUPS_INI = """
# a comment
lonely ansible_host=198.18.0.1
[north]
mora-r1 ansible_host=198.18.0.19 ansible_port=2222 site=mora note="two words"  # why
k[01:03].example.org:830 site=kolofata
r[a:c] flag=True figure=0x10 list="[1, 2]"
[north:vars]
ansible_user = noc
level=2
; another
[routers:children]
north
[routers:vars]
ansible_network_os=frr.frr.frr
role=router
level=1
[zeta]
mora-r1
[zeta:vars]
level=3
"""
VARIABLES = {
    "group_vars/all.yml": "ntp: from-file\nansible_user: file-user\n",
    "group_vars/routers.yml": "role: switch\nlevel: 9\n",
    "group_vars/north/main.yml": "region: CM-EN\n",
    "host_vars/mora-r1.yml": "site: from-host-file\n",
}


def listed(inventory: Path) -> dict[str, dict[str, object]]:
    """Return the variables of every host as Ansible has them."""
    home = str(inventory.parent)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": home, "ANSIBLE_HOME": home}
    words = [sys.executable, str(PROGRAM), "-i", str(inventory), "--list"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Whatever Ansible cannot read it only warns of, and ends well.
    assert "Failed to parse" not in done.stderr, done.stderr
    assert "Unable to parse" not in done.stderr, done.stderr
    found = json.loads(done.stdout)
    hosts = {host for group in found.values() for host in group.get("hosts", ())}
    return {host: found["_meta"]["hostvars"].get(host, {}) for host in hosts}


def written(folder: Path, file: str, text: str, variables: dict[str, str]) -> Path:
    for name, content in {file: text, **variables}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder / file


@pytest.mark.parametrize("variables", [{}, VARIABLES], ids=["alone", "with files of variables"])
@pytest.mark.parametrize(
    ("file", "text"),
    [("hosts.yml", GROUPS_YAML), ("hosts.ini", GROUPS_INI), ("hosts", GROUPS_INI)],
)
def test_every_host_has_the_variables_that_ansible_gives_it(tmp_path, file, text, variables):
    path = written(tmp_path, file, text, variables)
    ours = read_inventory({file: text}, variables, Report(file))
    assert {host: ours.variables(host) for host in ours.hosts} == listed(path)


def test_ansible_reads_every_host_of_an_export(tmp_path):
    intent = load_intent(SMALL)
    (tmp_path / "hosts.yaml").write_text(export_ansible(intent), encoding="utf-8")
    hosts = listed(tmp_path / "hosts.yaml")
    assert set(hosts) == set(intent.devices)
    assert hosts["mora-r1"]["ansible_host"] == "198.18.0.6"
    assert hosts["mora-r1"]["ansible_port"] == 22
    assert hosts["mora-r1"]["ansible_network_os"] == "frr.frr.frr"
    assert hosts["mora-r1"]["sanaga_credential"] == "env:SANAGA_SMALL_KEY"


def test_nornir_reads_every_host_of_an_export(tmp_path):
    intent = load_intent(SMALL)
    for name, text in export_nornir(intent).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = (str(tmp_path / f"{name}.yaml") for name in ("hosts", "groups", "defaults"))
    found = simple.SimpleInventory(*files).load()
    assert set(found.hosts) == set(intent.devices)
    mora = found.hosts["mora-r1"]
    assert (mora.hostname, mora.port, mora.platform) == ("198.18.0.6", 22, "frr")
    assert (mora["site"], mora["asn"]) == ("mora", intent.network.asn)


@pytest.mark.parametrize("form", ["ansible", "nornir"])
def test_an_export_comes_back_as_the_same_devices(form):
    intent = load_intent(SMALL)
    if form == "ansible":
        found = import_ansible("hosts.yaml", {"hosts.yaml": export_ansible(intent)})
    else:
        found = import_nornir("hosts.yaml", *export_nornir(intent).values())
    devices = {device["name"]: device for device in found.sections["devices"]}
    assert set(devices) == set(intent.devices)
    for name, device in intent.devices.items():
        management = device.management
        assert management
        assert devices[name] == {
            "name": name,
            "site": device.site,
            "number": devices[name]["number"],
            "role": device.role.value,
            "platform": device.platform.value,
            "management": {
                "address": str(management.address),
                "port": management.port,
                "username": management.username,
                "credential": management.credential,
            },
        }


def test_what_of_a_host_is_taken_and_what_is_not_is_said():
    found = import_ansible("hosts.yml", {"hosts.yml": GROUPS_YAML}, VARIABLES)
    devices = {device["name"]: device for device in found.sections["devices"]}
    assert devices["mora-r1"] == {
        "name": "mora-r1",
        "site": "from-host-file",
        "number": 1,
        "role": "switch",
        "platform": "frr",
        "management": {"address": "198.18.0.19", "port": 2222, "username": "file-user"},
    }
    assert devices["k01-example-org"]["management"] == {"port": 830, "username": "file-user"}
    told = "\n".join(map(str, found.notices))
    assert "k01.example.org: 'k01.example.org' is a DNS name; write the IPv4 address" in told
    assert "variables are not taken, since devices have no such keys: " in told
    assert "ntp" in told


def test_secrets_and_templates_are_neither_taken_nor_shown():
    text = """
all:
  hosts:
    r1:
      ansible_host: "{{ lookup('pipe', 'reboot') }}"
      ansible_password: hunter2
      ansible_become_pass: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        6162
      site: mora
    r2: {ansible_host: !vault abc, description: "password: hunter2", site: !unsafe mora}
"""
    found = import_ansible("hosts.yml", {"hosts.yml": text})
    told = "\n".join(map(str, found.notices))
    assert "hunter2" not in told + str(found.sections)
    assert "ansible_host is not taken, since it is a template: r1" in told
    assert "passwords are not taken" in told
    assert "a description that seems to hold a secret is not taken: r2" in told
    assert [device.get("site") for device in found.sections["devices"]] == ["mora", "mora"]


def test_an_older_export_for_scripts_is_read_too():
    text = json.dumps(
        {
            "_meta": {
                "hostvars": {"mora-r1": {"ansible_host": "198.18.0.6", "sanaga_site": "mora"}}
            },
            "all": {"children": ["level_central", "ungrouped"]},
            "level_central": {"hosts": ["mora-r1"], "vars": {"sanaga_role": "router"}},
        }
    )
    assert import_ansible("hosts.json", {"hosts.json": text}).sections["devices"] == [
        {
            "name": "mora-r1",
            "site": "mora",
            "number": 1,
            "role": "router",
            "management": {"address": "198.18.0.6"},
        }
    ]


def test_the_machine_that_ansible_runs_on_is_no_device():
    text = "[all]\nlocalhost\nhere ansible_connection=local\nr1 ansible_host=198.18.0.1\n"
    found = import_ansible("hosts", {"hosts": text})
    assert [device["name"] for device in found.sections["devices"]] == ["r1"]
    assert "Ansible runs on them itself: localhost, here" in str(found.notices[-1])


def test_lines_that_ansible_refuses_are_refused_all_at_once():
    text = "[north:what]\nr1 ansible_port\n[ok:vars]\nno equals\n'open\n"
    with pytest.raises(IntentError) as caught:
        import_ansible("hosts", {"hosts": text})
    assert [fault.where.line for fault in caught.value.faults] == [1, 2, 4, 5]


@pytest.mark.parametrize("range_", ["[1:999999999]", "[0:99999999999999999999]", "[0:9][0:99999]"])
def test_a_range_without_end_is_refused(range_):
    for file, text in (("h.yml", f"all: {{hosts: {{'r{range_}': }}}}"), ("h", f"r{range_}\n")):
        with pytest.raises(IntentError, match=r"h(\.yml)?(:1:1)?: "):
            import_ansible(file, {file: text})


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("r[1:3]", ["r1", "r2", "r3"]),
        ("r[08:10]x", ["r08x", "r09x", "r10x"]),
        ("[a:c]", ["a", "b", "c"]),
        ("r[1:5:2][a:b]", ["r1a", "r1b", "r3a", "r3b", "r5a", "r5b"]),
        ("plain", ["plain"]),
    ],
)
def test_ranges_are_counted_as_ansible_does(pattern, names):
    assert [name for name, _ in expand(pattern)] == names


def test_a_folder_of_several_files_is_one_inventory(tmp_path):
    written(tmp_path, "one.yml", "routers: {hosts: {r1: {ansible_host: 198.18.0.1}}}", VARIABLES)
    (tmp_path / "two").write_text("[routers]\nr2 ansible_host=198.18.0.2\n")
    (tmp_path / "README.md").write_text("text")
    found = import_path(tmp_path)
    assert [device["name"] for device in found.sections["devices"]] == ["r1", "r2"]
    assert {device["role"] for device in found.sections["devices"]} == {"switch"}
