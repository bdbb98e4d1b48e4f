"""Credential references that mean the same from every folder, and back."""

from dataclasses import replace
from pathlib import Path

from controller.load import Loaded, anchored, as_written
from inventory.model import Snmp, SnmpVersion
from policies.model import Policies
from tests.factories import Draft

SNMP = Snmp(SnmpVersion.V3, 161, "", "sanaga", "file:keys/authentication", "sealed:s.json#privacy")


def loaded(folder: Path) -> Loaded:
    draft = Draft()
    draft.site("yaounde")
    made = draft.intent()
    device = replace(made.devices["yaounde-r1"], snmp=SNMP)
    devices = {"yaounde-r1": device, "bare": replace(device, management=None, snmp=None)}
    return Loaded(folder, replace(made, devices=devices), Policies({}, {}))


def test_references_of_snmp_are_anchored_and_come_back(tmp_path):
    before = loaded(tmp_path)
    found = anchored(before)
    assert found.devices["yaounde-r1"].snmp == replace(
        SNMP,
        authentication=f"file:{tmp_path}/keys/authentication",
        privacy=f"sealed:{tmp_path}/s.json#privacy",
    )
    assert found.devices["bare"] == before.intent.devices["bare"]
    assert as_written(found, str(tmp_path)) == before.intent
    assert as_written(found, "") == found
