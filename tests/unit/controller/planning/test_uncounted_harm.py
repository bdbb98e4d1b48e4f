"""Harm that is no site cut off by a change, and repairs that only look like it."""

from dataclasses import replace

import pytest

from controller.load import Loaded
from controller.model import DeviceConfig, Operational
from controller.planning.from_folder import edge_configs, make_plan
from controller.planning.plan import Overrides, plan
from inventory.model import CircuitEnd, Intent, Thresholds
from tests.factories import Draft
from tests.rigs.controller.plan_views import AT, BLANK, configs, view
from tests.rigs.edge.edge_networks import HUB, draft, duties

ALL = Overrides(thresholds=Thresholds(1, 1))


def tail() -> Intent:
    """Return yaounde - ebolowa - kribi in a row, and lolodorf at ebolowa."""
    made = Draft()
    for name, parent in (
        ("yaounde", None), ("ebolowa", "yaounde"), ("kribi", "ebolowa"), ("lolodorf", "ebolowa")
    ):  # fmt: skip
        made.site(name, parent)
    made.circuit("trunk", "yaounde-r1", "ebolowa-r1")
    made.circuit("coast", "ebolowa-r1", "kribi-r1")
    made.circuit("hills", "ebolowa-r1", "lolodorf-r1")
    return made.intent()


def shut(text: str, line: str, more: str) -> DeviceConfig:
    assert line in text
    return DeviceConfig(text.replace(line, f"{line}\n{more}"))


@pytest.mark.parametrize("known", [True, False], ids=["apply on record", "nothing on record"])
@pytest.mark.parametrize("way", ["interface", "session", "far interface"])
def test_repairing_what_was_shut_down_by_hand_cuts_off_nobody(known, way):
    intent = tail()
    running = configs(intent)
    device, line, more = {
        "interface": ("ebolowa-r1", "interface eth2", " shutdown"),
        "session": ("ebolowa-r1", " neighbor 172.20.0.5 bfd", " neighbor 172.20.0.5 shutdown"),
        "far interface": ("kribi-r1", "interface eth1", " shutdown"),
    }[way]
    running[device] = shut(running[device].text, line, more)
    made = plan(view(intent, running, **({"previous": intent} if known else {})), AT)
    assert [change.device for change in made.changes] == [device]
    assert made.blast_radius.disconnected == made.steady.disconnected == ()


def test_what_was_not_shut_down_still_counts():
    intent = tail()
    running = configs(intent)
    text = shut(running["ebolowa-r1"].text, "interface eth2", " shutdown").text
    running["ebolowa-r1"] = DeviceConfig(text.replace("timers 10 30", "timers 3 9"))
    made = plan(view(intent, running), AT, ALL)
    assert "lolodorf" in made.blast_radius.disconnected
    assert "kribi" not in made.blast_radius.disconnected


def test_a_site_that_hangs_on_more_than_before_is_told():
    was = tail()
    coast = was.circuits["coast"]
    behind = replace(coast, a=CircuitEnd("lolodorf-r1", "eth2"))
    moved = replace(was, circuits={**was.circuits, "coast": behind})
    made = plan(view(moved, configs(was), previous=was), AT, ALL)
    assert made.steady.degraded == ()
    assert made.notices == (
        "kribi hangs on hills and lolodorf-r1 alone from then on, and did not before",
    )
    back = plan(view(was, configs(moved), previous=moved), AT, ALL)
    assert back.notices == ()


def test_first_policies_on_running_routers_tell_who_reaches_nobody_and_when(tmp_path):
    intent = draft("mora", "maroua").intent()
    loaded = Loaded(tmp_path, intent, duties())
    policies = edge_configs(loaded)
    running = {**configs(intent), **dict.fromkeys(policies, DeviceConfig(""))}
    made = make_plan(loaded, Operational(running, {}), AT)
    order = {change.device: n for n, wave in enumerate(made.waves, 1) for change in wave}
    for edge in ("mora-e1", "maroua-e1"):
        assert any(
            text.startswith(f"from wave {order[edge]} until wave {order[HUB]} is applied")
            and edge in text
            for text in made.notices
        )
    assert made.blast_radius.disconnected == ("maroua", "mora")
    assert made.refused == ()
    blank = {**dict.fromkeys(configs(intent), BLANK), **dict.fromkeys(policies, DeviceConfig(""))}
    told = make_plan(loaded, Operational(blank, {}), AT).notices
    assert not any("until wave" in text or "begins to filter" in text for text in told)
