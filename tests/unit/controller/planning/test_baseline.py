"""What a network was, by what its routers run and by what former applies knew."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import DeviceConfig, Impact
from controller.planning.baseline import infer_baseline, read_running
from controller.planning.impact import assess, diff
from controller.planning.plan import Overrides, plan
from controller.platforms.model import unconfigured
from inventory.errors import UnsafePlanError
from inventory.model import CircuitEnd, Intent, Thresholds
from tests.factories import Draft, hierarchy
from tests.rigs.controller.plan_views import AT, configs, view

ALL = Overrides(thresholds=Thresholds(1, 1))
STRANGE = [
    "system {\n    host-name mora;\n}\ninterfaces {\n    ge-0/0/0 { unit 0; }\n}\n",
    "{",
    '{"router": "none"}',
    '{"underlays": [], "peers": []}',
    "/interface bridge\nadd name=bridge1\n",
    "<html>login</html>\n",
]


def tail(people: int = 80_000) -> Intent:
    """Return yaounde - ebolowa - kribi - campo in a row, and a spare cable that carries nothing."""
    draft = Draft()
    draft.site("yaounde")
    draft.site("ebolowa", "yaounde")
    draft.site("kribi", "ebolowa", population=people)
    draft.site("campo", "kribi", population=5_000)
    draft.circuit("trunk", "yaounde-r1", "ebolowa-r1")
    draft.circuit("coast", "ebolowa-r1", "kribi-r1")
    draft.circuit("border", "kribi-r1", "campo-r1")
    draft.circuit("spare", "yaounde-r1", "ebolowa-r1", enabled=False)
    return draft.intent()


def without(intent: Intent, *sites: str) -> Intent:
    """Return an intent without some sites, their devices and all circuits that land there."""
    devices = {n: d for n, d in intent.devices.items() if d.site not in sites}
    return replace(
        intent,
        sites={n: s for n, s in intent.sites.items() if n not in sites},
        devices=devices,
        circuits={
            n: c
            for n, c in intent.circuits.items()
            if {end.device for end in (c.a, c.b) if end} <= devices.keys()
        },
    )


def left(intent: Intent, running: dict[str, DeviceConfig]) -> dict[str, DeviceConfig]:
    """Return what is read of devices that the intent has."""
    return {name: config for name, config in running.items() if name in intent.devices}


@pytest.mark.parametrize("known", ["apply on record", "former apply", "nothing"])
def test_a_site_taken_out_of_the_intent_is_cut_off_itself_and_not_its_parent(known):
    was = tail()
    rest = without(was, "kribi", "campo")

    def seen():
        running = left(rest, configs(was))
        previous = was if known == "apply on record" else None
        recorded = iter([was] if known == "former apply" else [])
        return view(rest, running, previous=previous, recorded=recorded)

    with pytest.raises(UnsafePlanError, match="kribi") as raised:
        plan(seen(), AT)
    assert "ebolowa" not in str(raised.value)
    made = plan(seen(), AT, ALL)
    assert "ebolowa" not in made.blast_radius.disconnected + made.steady.disconnected
    assert "kribi" in made.steady.disconnected
    assert "kribi" in made.blast_radius.disconnected
    if known != "nothing":
        assert made.steady.disconnected == ("campo", "kribi")
        assert made.steady.population_disconnected == 85_000
        assert any("kribi-r1 leaves the intent" in text for text in made.cannot_revert)


def test_who_is_behind_an_interface_that_nobody_described_is_called_by_its_place():
    was = tail()
    rest = without(was, "kribi", "campo")
    running = left(rest, configs(was))
    bare = "\n".join(
        line for line in running["ebolowa-r1"].text.splitlines() if "description" not in line
    )
    running["ebolowa-r1"] = DeviceConfig(f"{bare}\n")
    with pytest.raises(UnsafePlanError, match="whatever is behind ebolowa-r1 eth2"):
        plan(view(rest, running), AT)


def test_a_circuit_of_which_one_end_was_made_so_far_carries_nothing():
    intent = tail()
    running = configs(intent)
    running["kribi-r1"] = DeviceConfig("frr defaults traditional\n")
    assert "coast" not in infer_baseline(intent, running).circuits
    assert plan(view(intent, running), AT).steady.disconnected == ()


def test_a_circuit_whose_number_leads_to_another_site_now_is_two():
    was = tail()
    draft = replace(was.sites["kribi"], name="lolodorf", number=9)
    router = replace(was.devices["kribi-r1"], name="lolodorf-r1", site="lolodorf")
    rest = without(was, "kribi", "campo")
    coast = replace(was.circuits["coast"], b=CircuitEnd("lolodorf-r1", "eth1"))
    rest = replace(
        rest,
        sites={**rest.sites, "lolodorf": draft},
        devices={**rest.devices, "lolodorf-r1": router},
        circuits={**rest.circuits, "coast": coast},
    )
    running = {
        **left(rest, configs(was)), "lolodorf-r1": DeviceConfig("frr defaults traditional\n")
    }  # fmt: skip
    made = plan(view(rest, running, recorded=[was]), AT, ALL)
    assert made.steady.disconnected == ("campo", "kribi")


def swapped(intent: Intent) -> Intent:
    """Return an intent in which the spare cable takes the port of the live one."""
    trunk, spare = intent.circuits["trunk"], intent.circuits["spare"]
    circuits = {
        **intent.circuits,
        "trunk": replace(trunk, a=spare.a),
        "spare": replace(spare, a=trunk.a),
    }
    return replace(intent, circuits=circuits)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("way", ["swapped", "deleted", "enabled"])
def test_a_disabled_circuit_may_take_over_a_live_port_or_go(known, way):
    was = tail()
    circuits = {n: c for n, c in was.circuits.items() if n != "spare"}
    wanted = {
        "swapped": swapped(was),
        "deleted": replace(was, circuits={**circuits, "trunk": swapped(was).circuits["trunk"]}),
        "enabled": replace(
            was, circuits={**circuits, "spare": replace(was.circuits["spare"], enabled=True)}
        ),
    }[way]  # fmt: skip
    made = plan(view(wanted, configs(was), **({"previous": was} if known else {})), AT, ALL)
    assert made.steady.disconnected == ()
    expected = () if way == "enabled" else ("campo", "ebolowa", "kribi")
    assert made.blast_radius.disconnected == expected


@settings(max_examples=25)
@given(st.data())
def test_no_change_of_circuits_leaves_a_plan_impossible(data):
    was = hierarchy(2, 1, 1)
    names = sorted(was.circuits)
    ends = [c.a for c in was.circuits.values()]
    circuits = {}
    for name in names:
        match data.draw(st.sampled_from(["keep", "off", "gone", "move"])):
            case "keep":
                circuits[name] = was.circuits[name]
            case "off":
                circuits[name] = replace(was.circuits[name], enabled=False)
            case "move":
                a = data.draw(st.sampled_from(ends))
                circuits[name] = replace(was.circuits[name], a=a)
    before = replace(
        was,
        circuits={n: replace(c, enabled=data.draw(st.booleans())) for n, c in was.circuits.items()},
    )
    more = {"previous": before} if data.draw(st.booleans()) else {}
    plan(view(replace(was, circuits=circuits), configs(before), **more), AT, ALL)


@pytest.mark.parametrize("text", STRANGE)
def test_a_router_whose_text_is_not_understood_carries_what_is_intended(text):
    intent = tail()
    running = {**configs(intent), "kribi-r1": DeviceConfig(text)}
    assert not unconfigured(DeviceConfig(text))
    made = assess(DeviceConfig(text), configs(intent)["kribi-r1"])
    assert (made.impact, made.whole_device, made.unconfigured) == (Impact.INTERRUPTION, True, False)
    with pytest.raises(UnsafePlanError, match="campo, kribi"):
        plan(view(intent, running), AT)


def test_what_is_not_understood_is_counted_and_never_shown():
    before = DeviceConfig('system {\n  secret "hunter2";\n}\n')
    shown = diff(before, configs(tail())["kribi-r1"])
    assert shown.startswith("3 lines that cannot be read give way; ")
    assert "hunter2" not in shown


def test_addresses_with_masks_are_read_and_others_leave_the_interface_in_doubt():
    intent = tail()
    text = configs(intent)["ebolowa-r1"].text
    masks = DeviceConfig(text.replace("/31", " 255.255.255.254"))
    running = {**configs(intent), "ebolowa-r1": masks}
    assert {"trunk", "coast"} <= infer_baseline(intent, running).circuits.keys()
    address = next(line for line in text.splitlines() if "/31" in line)
    doubt = DeviceConfig(text.replace(address, " ip address dhcp"))
    running = {**configs(intent), "ebolowa-r1": doubt}
    assert {"trunk", "coast"} <= infer_baseline(intent, running).circuits.keys()
    assert assess(doubt, configs(intent)["ebolowa-r1"]).interfaces


def test_an_interface_in_a_vrf_keeps_its_own_addresses():
    intent = tail()
    text = "interface eth1\nexit\ninterface eth9 vrf red\n ip address 172.20.0.2/31\nexit\n"
    running = read_running(intent, {"yaounde-r1": DeviceConfig(text)})
    assert running.ports == {(1, 0): CircuitEnd("yaounde-r1", "eth9")}


def test_a_renumbered_site_says_that_every_address_in_its_lans_changes():
    was = tail()
    moved = replace(was, sites={**was.sites, "kribi": replace(was.sites["kribi"], number=77)})
    made = plan(view(moved, configs(was)), AT, ALL)
    (notice,) = made.notices
    assert notice.startswith("kribi: every address in its LANs changes, from 10.0.6.0/23 and fd5a:")
    assert "to 10.0.154.0/23 and fd5a:" in notice
    assert plan(view(was, configs(was)), AT).notices == ()
