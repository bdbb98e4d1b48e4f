"""Text of the documents can change a description and nothing else, on every renderer."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.drivers.frr import canonical
from controller.intended import render as rendering
from controller.intended.render import LINE_LENGTH, one_line, render
from controller.intended.routers import intended_routers
from controller.intended.segments import segment_openings
from inventory.model import Intent, Platform
from policies.clinical import read_catalogue
from tests.factories import hierarchy

TEMPLATES = sorted(Path(rendering.__file__).parents[1].joinpath("templates").glob("*.conf.j2"))
PLATFORMS = [Platform(template.name.split(".")[0]) for template in TEMPLATES]
BASE = hierarchy(1, 1, 1)
NASTY = (
    "x\n no router bgp 65000",
    "x\r\nno router bgp 65000",
    "\x0bexit",
    "a\u2028router bgp 1",
    "!",
    "! foo",
    "# foo",
    "exit",
    "end",
    "| include x",
    "{{ 7*7 }}",
    "{% for x in y %}",
    '"; system("x")',
    "\x00\x1b[0m\ud800",
    "",
)


def _with_text(text: str, platform: Platform) -> Intent:
    sites = {
        name: replace(
            site,
            title=text,
            description=text,
            facilities=tuple(replace(f, name=text) for f in site.facilities),
        )
        for name, site in BASE.sites.items()
    }
    devices = {
        name: replace(device, description=text, platform=platform)
        for name, device in BASE.devices.items()
    }
    circuits = {
        name: replace(
            circuit, description=text, provider=text if circuit.provider else circuit.provider
        )
        for name, circuit in BASE.circuits.items()
    }
    return replace(BASE, sites=sites, devices=devices, circuits=circuits)


def _commands(text: str, platform: Platform) -> dict[str, list[str]]:
    intent = _with_text(text, platform)
    opened = segment_openings(read_catalogue(), (), intent.network.plan)
    wanted = intended_routers(intent, (), opened)
    rendered = {name: render(router).text for name, router in wanted.items()}
    # What a router takes for the end of a line, not what Python does.
    return {
        name: [line for line in made.split("\n") if " description " not in line]
        for name, made in rendered.items()
    }


CLEAN = {platform: _commands("plain", platform) for platform in PLATFORMS}


def test_there_is_a_renderer_to_try():
    assert Platform.FRR in PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
@given(text=st.text(max_size=200))
def test_any_text_leaves_every_command_as_it_was(platform: Platform, text: str):
    assert _commands(text, platform) == CLEAN[platform]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_leaves_every_command_as_it_was(platform: Platform, text: str):
    assert _commands(text, platform) == CLEAN[platform]


@given(st.text())
@example("\u0085")
def test_one_line_is_printable_short_and_stable(text: str):
    line = one_line(text)
    assert line.isprintable()
    assert 0 < len(line) <= LINE_LENGTH
    assert one_line(line) == line
    assert line.splitlines() == [line]
    assert "|" not in line


@given(st.text(max_size=300))
def test_canonical_form_is_stable(text: str):
    once = canonical(text)
    assert canonical(once.text) == once
