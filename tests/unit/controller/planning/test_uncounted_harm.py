"""Harm that is no site cut off by a change, and repairs that only look like it."""

from dataclasses import replace

import pytest

from controller.load import Loaded
from controller.model import DeviceConfig, Operational
from controller.planning.from_folder import (
    edge_configs,
    folder_notices,
    make_plan,
    router_configs,
)
from controller.planning.plan import Overrides, plan
from inventory.errors import UnsafePlanError
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


@pytest.fixture
def loaded(tmp_path) -> Loaded:
    """Return an intent of two edges and their hub."""
    return Loaded(tmp_path, draft("mora", "maroua").intent(), duties())


def first_policies(loaded: Loaded, *, blank: bool = False) -> Operational:
    """Return routers that run, or blank ones, and edges without a policy."""
    routers = router_configs(loaded)
    found = dict.fromkeys(routers, BLANK) if blank else routers
    return Operational({**found, **dict.fromkeys(edge_configs(loaded), DeviceConfig(""))}, {})


def test_first_policies_on_running_routers_tell_who_reaches_nobody_and_when(loaded):
    made = make_plan(loaded, first_policies(loaded), AT, ALL)
    order = {change.device: n for n, wave in enumerate(made.waves, 1) for change in wave}
    for edge in ("mora-e1", "maroua-e1"):
        assert any(
            text.startswith(f"from wave {order[edge]} until wave {order[HUB]} is applied")
            and edge in text
            for text in made.notices
        )
    assert made.blast_radius.disconnected == ("maroua", "mora")
    told = make_plan(loaded, first_policies(loaded, blank=True), AT).notices
    assert told == folder_notices(loaded)


def test_first_policies_count_towards_the_shares_that_are_allowed(loaded):
    with pytest.raises(UnsafePlanError) as refusal:
        make_plan(loaded, first_policies(loaded), AT)
    assert str(refusal.value) == (
        "4 of 6 devices (66.7%) and 2 of 3 facilities (66.7%) would be cut off while wave 2 is "
        "applied: maroua, mora. At most 0.0% and 0.0% are allowed. Change less at once, or allow "
        "it for this plan with --allow-devices-cut 0.667 --allow-facilities-cut 0.667"
    )


@pytest.mark.parametrize("too_little", [Thresholds(0.6, 1), Thresholds(1, 0.6)])
def test_first_policies_go_through_with_a_consent_for_their_shares(loaded, too_little):
    """The control: nothing else is cut off, so that a smaller consent for either is refused."""
    running = first_policies(loaded)
    made = make_plan(loaded, running, AT, Overrides(thresholds=Thresholds(0.667, 0.667)))
    assert (made.refused, made.steady.disconnected) == ((), ())
    with pytest.raises(UnsafePlanError, match="would be cut off while wave 2 is applied"):
        make_plan(loaded, running, AT, Overrides(thresholds=too_little))


def test_first_policies_on_blank_routers_need_no_consent(loaded):
    assert make_plan(loaded, first_policies(loaded, blank=True), AT).refused == ()
