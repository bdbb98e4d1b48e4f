"""docs/intent.md is complete and true."""

import re
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest
import yaml

from inventory import addressing, model
from inventory.documents import schema
from inventory.documents.fields import Document
from inventory.intent import load_intent

REFERENCE = (Path(__file__).parents[4] / "docs" / "intent.md").read_text(encoding="utf-8")
SMALL = Path(__file__).parents[3] / "fixtures" / "small"
HEADINGS: dict[str, type[Document]] = {
    "network": schema.NetworkDocument,
    "network.addressing": schema.AddressPlanDocument,
    "network.controller": schema.ControllerDocument,
    "network.thresholds": schema.ThresholdsDocument,
    "sites": schema.SiteDocument,
    "sites.place": schema.PlaceDocument,
    "sites.facilities": schema.FacilityDocument,
    "sites.rooms": schema.RoomDocument,
    "sites.routes": schema.RouteDocument,
    "devices": schema.DeviceDocument,
    "devices.management": schema.ManagementDocument,
    "devices.snmp": schema.SnmpDocument,
    "circuits": schema.CircuitDocument,
    "circuits.a and circuits.b": schema.EndDocument,
    "zones": schema.ZoneDocument,
}


def rows(heading):
    """Return the first table below a heading: default by key, in order."""
    section = re.split(r"^#+ ", REFERENCE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    found = re.findall(r"^\| `([a-z0-9_]+)` \| [^|]* \| ([^|]*) \|", section, re.M)
    return {key: default.strip() for key, default in found}


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_key_of_a_document_is_described_in_order(heading):
    assert list(rows(heading)) == list(HEADINGS[heading].model_fields)


@pytest.mark.parametrize("heading", HEADINGS)
def test_keys_that_must_be_written_are_told(heading):
    for key, field in HEADINGS[heading].model_fields.items():
        assert not field.is_required() or rows(heading)[key].startswith("–"), key


def test_every_document_has_a_heading():
    found = (value for value in vars(schema).values() if isinstance(value, type))
    assert {d for d in found if issubclass(d, Document)} - {Document} == set(HEADINGS.values())


def test_every_word_is_listed():
    kinds = (value for value in vars(model).values() if isinstance(value, type))
    words = {str(w) for kind in kinds if issubclass(kind, StrEnum) for w in kind}
    quality = set(get_args(model.CoordinateQuality))
    assert {w for w in words | quality if w not in REFERENCE} == set()


def test_every_example_is_a_section_that_parses():
    blocks = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.S)
    parsed = [(key, value) for block in blocks for key, value in yaml.safe_load(block).items()]
    assert [key for key, _ in parsed] == ["network", "sites", "devices", "circuits", "zones"]
    for key, value in parsed:
        for entry in [value] if key == "network" else value:
            HEADINGS[key].model_validate(entry)


def test_the_addresses_of_the_examples_are_the_computed_ones():
    plan = load_intent(SMALL).network.plan
    for segment in model.Segment:
        assert str(addressing.segment4(plan, 9, segment)) in REFERENCE
        assert str(addressing.segment6(plan, 9, segment)) in REFERENCE
    assert f"{addressing.loopback4(plan, 9, 1)}, {addressing.loopback6(plan, 9, 1)}" in REFERENCE
    a, b = addressing.link4(plan, 12)
    assert f"{a.ip} and .{str(b.ip).rpartition('.')[2]}" in REFERENCE
    assert str(addressing.link6(plan, 12)[0].ip) in REFERENCE
    assert f"*c* = 12: {addressing.tunnel4(plan, 12)} " in REFERENCE
