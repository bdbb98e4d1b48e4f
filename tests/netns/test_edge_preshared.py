"""Two real daemons have preshared keys from one controller, another one every week."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import moment
from inventory.errors import LabError
from simulations.lab.waiting import eventually
from tests.edge_pair import ENDS
from tests.edge_site import Site, call, made_well, put, standing
from tests.preshared_rig import hand_over, restored, shared, sharing

pytestmark = pytest.mark.netns

# Three tunnels made anew, with a handshake each; then the paths count as up.
UP_WITHIN_S = 60.0
# Three times what ends with one chain need.
SILENT_S = 20.0


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state folder of the controller that both ends have their chains from."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("h") as made:
        yield made


@pytest.fixture
def well(site: Site, state_dir: Path) -> Site:
    return sharing(site, state_dir)


def shakes_hands_anew(site: Site) -> None:
    """Take the edge's tunnels away; its daemon makes others, without a session."""
    for tunnel in site.edge.policy.tunnels:
        site.world.exec("edge", "ip", "link", "del", tunnel)
    eventually(lambda: not site.up(), within_s=30, what="paths that are down")


def test_a_call_goes_on_while_both_ends_take_preshared_keys_and_then_they_are_needed(
    site: Site, state_dir: Path
):
    made_well(site)
    assert shared(site, "edge") == {"(none)"}
    with call(site) as lost:
        for end in ENDS:
            hand_over(site, end, state_dir)
            put(site, end, replace(site.pair.daemons[end].policy, preshared=1))
    assert lost == [0]
    (key,) = shared(site, "edge")
    assert key != "(none)"
    assert shared(site, "hub") == {key}
    shakes_hands_anew(site)
    eventually(site.up, within_s=UP_WITHIN_S, what="handshakes with the preshared key")
    assert shared(site, "edge") == {key}


def test_an_end_that_is_restored_from_an_image_of_a_month_ago_shakes_hands_by_itself(
    well: Site, state_dir: Path
):
    before = shared(well, "hub")
    restored(well, "edge", state_dir, moment().instant - timedelta(days=31))
    shakes_hands_anew(well)
    eventually(well.up, within_s=UP_WITHIN_S, what="handshakes as before")
    assert shared(well, "edge") == before == shared(well, "hub")


def test_a_far_end_in_which_it_is_next_week_already_is_found(well: Site, state_dir: Path):
    before = shared(well, "hub")
    restored(well, "hub", state_dir, moment().instant + timedelta(days=14))
    try:
        assert shared(well, "hub") != before
        shakes_hands_anew(well)
        eventually(well.up, within_s=UP_WITHIN_S, what="handshakes with next week's key")
        assert shared(well, "edge") == shared(well, "hub") != before
    finally:
        for end in ENDS:
            restored(well, end, state_dir, moment().instant)


def test_with_another_chain_nobody_shakes_hands(well: Site, state_dir: Path, tmp_path: Path):
    """The control: that the paths come up says something about the keys."""
    restored(well, "edge", tmp_path, moment().instant)
    shakes_hands_anew(well)
    with pytest.raises(LabError):
        eventually(well.up, within_s=SILENT_S, what="what may not be")
    restored(well, "edge", state_dir, moment().instant)
    eventually(well.up, within_s=UP_WITHIN_S, what="handshakes with the right key")
