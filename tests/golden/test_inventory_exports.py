"""The small network as Nornir and Ansible read it."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from inventory.exchange.exports import export_ansible, export_nornir
from inventory.intent import load_intent
from tests.golden_files import assert_golden

SMALL = Path(__file__).parent.parent / "fixtures" / "small"
EXPECTED = Path(__file__).parent / "exports"
INTENT = load_intent(SMALL)


@pytest.mark.parametrize("file", ["hosts.yaml", "groups.yaml", "defaults.yaml"])
def test_nornir_inventory_is_as_reviewed(file):
    assert_golden(EXPECTED / "nornir" / file, export_nornir(INTENT)[file])


def test_ansible_inventory_is_as_reviewed():
    assert_golden(EXPECTED / "ansible.yaml", export_ansible(INTENT))


def test_every_group_of_a_nornir_host_is_declared():
    files = {name: yaml.safe_load(text) for name, text in export_nornir(INTENT).items()}
    used = {group for host in files["hosts.yaml"].values() for group in host["groups"]}
    assert used == set(files["groups.yaml"])
    assert list(files["hosts.yaml"]) == list(INTENT.devices)


def test_every_ansible_host_is_in_a_group_of_its_level_region_and_platform():
    inventory = yaml.safe_load(export_ansible(INTENT))["all"]
    hosts = {name: list(group["hosts"]) for name, group in inventory["children"].items()}
    assert hosts["region_cm_en"] == ["maroua-r1", "mayo-sava-r1", "mora-r1", "kolofata-r1"]
    assert hosts["level_central"] == ["yaounde-r1", "yaounde-r2"]
    assert hosts["platform_frr"] == list(INTENT.devices)
    assert set(inventory["hosts"]) == set(INTENT.devices)


def test_a_credential_stays_a_reference():
    facts = yaml.safe_load(export_ansible(INTENT))["all"]["hosts"]["mora-r1"]
    assert facts["sanaga_credential"] == "env:SANAGA_SMALL_KEY"
    assert "password" not in export_ansible(INTENT) + "".join(export_nornir(INTENT).values())


def test_no_free_text_reaches_ansible_which_would_evaluate_it():
    hostile = "{{ lookup('pipe', 'reboot') }}"
    mora = replace(INTENT.sites["mora"], title=hostile, description=hostile)
    intent = replace(INTENT, sites={**INTENT.sites, "mora": mora})
    assert "lookup" not in export_ansible(intent)
    assert (
        yaml.safe_load(export_nornir(intent)["hosts.yaml"])["mora-r1"]["data"]["title"] == hostile
    )
