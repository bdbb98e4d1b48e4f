"""Ways before and after failures, on a square of fibres with a satellite beside it."""

import pytest

from inventory.errors import UnknownNameError
from tests.factories import Draft
from topology.build import build_topology
from topology.failures.what_if import suppose_failed


@pytest.fixture
def square():
    """Return Yaoundé and Maroua, joined around two ways by fibre."""
    draft = Draft()
    for name, parent in (("yaounde", None), ("west", "yaounde"), ("east", "yaounde")):
        draft.site(name, parent)
    draft.site("maroua", "yaounde")
    for via in ("west", "east"):
        draft.circuit(f"yaounde-{via}", "yaounde-r1", f"{via}-r1")
        draft.circuit(f"{via}-maroua", f"{via}-r1", "maroua-r1")
    return build_topology(draft.intent())


def test_a_ring_that_is_cut_leaves_all_on_their_last_way(square):
    found = suppose_failed(square, ["yaounde-west"])
    assert found.radius.disconnected == ()
    assert found.radius.degraded == ("east", "maroua", "west")
    assert [found.usual["west"].links[-2], found.then["west"].links[-2]] == [
        "yaounde-west",
        "west-maroua",
    ]
    assert found.moved == ()


def test_beside_what_is_dead_the_same_cut_is_worse(square):
    found = suppose_failed(square, ["yaounde-west"], ["east-maroua"])
    assert found.radius.disconnected == ("maroua", "west")
    assert "maroua" in found.usual
    assert "maroua" not in found.then


def test_what_is_dead_already_costs_nothing_more(square):
    found = suppose_failed(square, ["yaounde-west"], ["yaounde-west"])
    assert (found.radius.disconnected, found.radius.degraded, found.moved) == ((), (), ())
    assert found.usual == found.then


def test_a_name_that_nothing_has_is_refused(square):
    with pytest.raises(UnknownNameError):
        suppose_failed(square, ["yaounde-north"])


def test_a_site_that_only_goes_another_way_has_moved():
    draft = Draft()
    draft.site("yaounde")
    draft.site("maroua", "yaounde")
    for number in range(3):
        draft.circuit(f"way-{number}", "yaounde-r1", "maroua-r1", cost=number + 1)
    found = suppose_failed(build_topology(draft.intent()), ["way-0"])
    assert found.moved == ("maroua",)
    assert found.radius.degraded == ()
