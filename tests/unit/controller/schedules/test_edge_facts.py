"""What edges tell of themselves: checked, kept where it is news, and told in the weekly report."""

from dataclasses import replace

import pytest

from controller.incidents.sentences import Language
from controller.load import load
from controller.reports.document import State
from controller.reports.finding_words import finding_sentence
from controller.schedules import device_checks as devices
from controller.schedules.edge_facts import (
    EdgeFacts,
    disk_findings,
    edges_to_update,
    is_news,
    read_facts,
    update_findings,
)
from controller.schedules.rows import ScheduleRows
from database.engine import open_engine
from inventory.errors import DeviceError
from inventory.model import Role
from tests.rigs.service.api_bench import SPUR

GIGA = 10**9
TOLD = {"version": "0.2.0+edge", "free_octets": 30 * GIGA, "whole_octets": 40 * GIGA}
FACTS = EdgeFacts("kolofata-e1", 1000.0, "0.2.0", 30 * GIGA, 40 * GIGA)


@pytest.fixture(scope="module")
def intent():
    return load(SPUR).intent


@pytest.fixture(scope="module")
def edges(intent):
    return sorted(name for name, one in intent.devices.items() if one.role is Role.EDGE)


def test_a_version_is_told_without_its_local_part():
    assert read_facts("kolofata-e1", TOLD, 1000.0) == FACTS


@pytest.mark.parametrize(
    "changes",
    [
        {"version": None},
        {"free_octets": 1.5},
        {"free_octets": True},
        {"free_octets": -1},
        {"free_octets": 41 * GIGA},
        {"whole_octets": 0},
        {"whole_octets": 1 << 70},
    ],
)
def test_what_makes_no_sense_is_not_taken(changes):
    assert read_facts("kolofata-e1", {**TOLD, **changes}, 1000.0) is None
    assert read_facts("kolofata-e1", {}, 1000.0) is None


def test_hostile_text_becomes_a_short_plain_one():
    found = read_facts("e", {**TOLD, "version": "\x1b[2J" + "9" * 10_000}, 0.0)
    assert found
    assert len(found.version) <= 40
    assert "\x1b" not in found.version


def test_only_what_changed_or_is_old_is_news():
    assert is_news(FACTS, None)
    assert not is_news(replace(FACTS, at_s=1001.0), FACTS)
    assert is_news(replace(FACTS, version="0.3.0"), FACTS)
    assert is_news(replace(FACTS, free_octets=20 * GIGA), FACTS)
    assert is_news(replace(FACTS, at_s=4600.0), FACTS)


def test_the_newest_of_each_edge_is_kept_and_what_is_old_is_not_told(tmp_path):
    engine = open_engine(tmp_path / "sanaga.sqlite")
    rows = ScheduleRows(engine)
    for facts in (FACTS, replace(FACTS, at_s=2000.0, version="0.3.0")):
        rows.note_edge(facts)
    rows.note_edge(replace(FACTS, device="mora-e1", at_s=10.0))
    assert rows.edge_facts(1500.0) == {"kolofata-e1": replace(FACTS, at_s=2000.0, version="0.3.0")}
    engine.dispose()


def told(findings):
    return [
        (one.subject, one.state, finding_sentence(one, "Africa/Douala", Language.ENGLISH))
        for one in findings
    ]


def test_a_disk_that_is_nearly_full_is_told_of_its_edge_and_an_old_edge_is_unknown(intent, edges):
    full, low, calm = edges[0], edges[0], edges[-1]
    facts = {full: replace(FACTS, device=full, free_octets=GIGA), calm: FACTS}
    assert told(disk_findings(intent, [full, calm, "old-e1"], facts)) == [
        (full, State.ACT, "1.0 GB of 40.0 GB free (2.50 %)."),
        ("edges", State.GOOD, "1 edges have more than a fifth of their disks free."),
        (
            "edges",
            State.UNKNOWN,
            "1 edges do not report how full their disks are; their program is of before, or they "
            "have not been heard for two days.",
        ),
        ("routers", State.UNKNOWN, "Routers do not report how full their disks are."),
    ]
    note = {low: replace(FACTS, device=low, free_octets=6 * GIGA)}
    assert next(disk_findings(intent, [low], note)).state is State.NOTE


def test_an_edge_that_cannot_be_asked_is_known_by_what_it_told_itself(edges):
    name, silent = edges[0], "old-e1"
    asked = {one: DeviceError(one, "unreachable") for one in (name, silent)}
    found = devices.answered(asked, {name: replace(FACTS, device=name)})
    assert found[name] == {"version": "0.2.0"}
    assert found[silent] is asked[silent]
    here = {name: {"version": "0.1.0"}}
    assert devices.answered(here, {name: FACTS}) == here


@pytest.mark.parametrize(
    ("updates", "known"),
    [
        ({"updates": 2, "update_names": ["openssl", "libc6"]}, (2, "openssl, libc6")),
        ({"updates": 0, "update_names": []}, (0, "")),
        ({"updates_unknown": "apt's lists are 30 days old"}, (None, "apt's lists are 30 days old")),
        ({}, (None, "")),
        ({"updates": True}, (None, "")),
        ({"updates": -1, "updates_unknown": 7}, (None, "")),
        ({"updates": 1, "update_names": "openssl"}, (1, "")),
        ({"updates": 1, "update_names": [7, "x\x1b[2J"]}, (1, "x [2J")),
    ],
)
def test_security_updates_are_taken_as_far_as_they_make_sense(updates, known):
    found = read_facts("kolofata-e1", {**TOLD, **updates}, 1000.0)
    assert found
    assert (found.updates, found.update_words) == known


def test_updates_that_come_or_go_are_news_and_are_kept(tmp_path):
    waiting = replace(FACTS, updates=2, update_words="openssl, libc6")
    assert is_news(waiting, FACTS)
    assert not is_news(waiting, waiting)
    engine = open_engine(tmp_path / "sanaga.sqlite")
    rows = ScheduleRows(engine)
    rows.note_edge(waiting)
    assert rows.edge_facts(0.0) == {"kolofata-e1": waiting}
    engine.dispose()


def test_the_week_says_on_which_edges_updates_wait_and_which_do_not_tell(intent, edges):
    waits, calm = edges[:2]
    facts = {
        waits: replace(FACTS, device=waits, updates=2, update_words="openssl, libc6"),
        calm: replace(FACTS, device=calm, updates=0),
        "stale-e1": replace(FACTS, device="stale-e1", update_words="apt's lists are old"),
        "former-e1": replace(FACTS, device="former-e1"),
    }
    found = told(update_findings(intent, [*facts, "silent-e1"], facts))
    assert found == [
        (
            waits,
            State.ACT,
            "2 security updates wait: openssl, libc6. Run 'apt-get dist-upgrade' there, in the "
            "order of the stages below.",
        ),
        ("stale-e1", State.UNKNOWN, "Its security updates are not known: apt's lists are old."),
        ("edges", State.GOOD, "On 1 edges no security update waits."),
        (
            "edges",
            State.UNKNOWN,
            "2 edges do not report security updates of their system; their program is of before, "
            "or they have not been heard for two days.",
        ),
    ]
    assert edges_to_update(facts.values()) == {waits}
