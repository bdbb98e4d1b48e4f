"""Sites without a way out before anything fails."""

from dataclasses import replace
from typing import Any

from inventory.model import Intent, Role
from tests.factories import Draft, hierarchy
from topology.build import build_topology
from topology.failures.cut_off import cut_off_sites


def spur() -> Intent:
    """Garoua with a fibre to Yaoundé, and Maroua with one to Garoua."""
    draft = Draft()
    draft.site("yaounde", region="CM-CE")
    draft.site("garoua", "yaounde", region="CM-NO")
    draft.site("maroua", "yaounde", region="CM-EN")
    draft.circuit("first", "yaounde-r1", "garoua-r1")
    draft.circuit("second", "garoua-r1", "maroua-r1")
    return draft.intent()


def found(intent: Intent) -> dict[str, str]:
    return dict(cut_off_sites(build_topology(intent), intent))


def with_device(intent: Intent, name: str, **changes: Any) -> Intent:
    changed = replace(intent.devices[name], **changes)
    return replace(intent, devices={**intent.devices, name: changed})


def without(intent: Intent, circuit: str) -> Intent:
    off = replace(intent.circuits[circuit], enabled=False)
    return replace(intent, circuits={**intent.circuits, circuit: off})


def test_nobody_is_cut_off_in_a_network_that_is_joined():
    assert found(spur()) == {}
    assert found(hierarchy()) == {}


def test_a_site_without_devices_is_cut_off():
    intent = without(spur(), "second")
    devices = {name: item for name, item in intent.devices.items() if item.site != "maroua"}
    circuits = {name: item for name, item in intent.circuits.items() if name != "second"}
    assert found(replace(intent, devices=devices, circuits=circuits)) == {
        "maroua": "it has no device"
    }


def test_a_site_whose_only_router_is_not_on_its_lans_is_cut_off():
    assert found(with_device(spur(), "maroua-r1", lan=False)) == {
        "maroua": "no device is on its LANs; write 'lan: true' at one"
    }


def test_a_central_site_whose_only_router_is_not_on_its_lans_is_cut_off_from_all_others():
    told = found(with_device(spur(), "yaounde-r1", lan=False))
    assert list(told) == ["yaounde", "garoua", "maroua"]
    assert told["garoua"] == "no way leads from it to yaounde"


def test_a_site_with_a_switch_alone_is_cut_off():
    told = found(with_device(spur(), "maroua-r1", role=Role.SWITCH))
    assert told == {"maroua": "maroua-r1 is on its LANs and a switch, which does not route"}


def test_a_site_whose_circuits_are_off_or_end_before_the_central_one_is_cut_off():
    assert found(without(spur(), "second")) == {"maroua": "no circuit in use ends on maroua-r1"}
    assert found(without(spur(), "first")) == {
        "garoua": "no way leads from it to yaounde",
        "maroua": "no way leads from it to yaounde",
    }
