"""Two real daemons have preshared keys from one controller, another one every week."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import current_moment
from inventory.errors import LabError
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_pair import ENDS
from tests.rigs.edge.edge_site import Site, call, made_well, put, standing
from tests.rigs.edge.preshared_rig import hand_over, restored, shared, sharing
from vpn.wireguard.psk_ratchet import epoch_at

pytestmark = pytest.mark.netns

# Three tunnels made again, with a handshake each.
UP_WITHIN_S = 60.0
# An end looks at its sessions every 3 s. One that listens, and whose session is older than a
# minute, waits for the next handshake, which is due after 120 s and tried for 61 s.
SHARED_WITHIN_S = 240.0
# Three times what ends with one chain need.
SILENT_S = 20.0
# Both ends turn their keys when a week ends (Monday 00:00 UTC), one a moment before the other.
# These tests compare keys, so they run within one week.
WITHIN_ONE_WEEK_S = 300.0


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state folder of the controller that both ends have their chains from."""
    return tmp_path_factory.mktemp("state")


def one_week() -> bool:
    """Return whether this week of keys still lasts as long as these tests may take."""
    now_s = current_moment().unix_s
    return epoch_at(now_s) == epoch_at(now_s + WITHIN_ONE_WEEK_S)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    eventually(one_week, within_s=2 * WITHIN_ONE_WEEK_S, what="a week that lasts long enough")
    with standing("h") as made:
        yield made


@pytest.fixture
def well(site: Site, state_dir: Path) -> Site:
    return sharing(site, state_dir)


def handshakes(site: Site) -> list[int]:
    """Return when the edge's tunnels shook hands last, in whole seconds; 0 where they did not."""
    said = (
        site.world.exec("edge", "wg", "show", name, "latest-handshakes", check=False).split()
        for name in site.edge.policy.tunnels
    )
    # Of one that is not there yet something else is said.
    return [int(words[1]) if len(words) == 2 else 0 for words in said]


def tunnels_gone(site: Site) -> int:
    """Take the edge's tunnels away, of which its daemon makes others; return when that was."""
    newest = max(handshakes(site))
    eventually(lambda: current_moment().unix_s > newest + 1, within_s=120, what="the next second")
    now_s = int(current_moment().unix_s)
    for tunnel in site.edge.policy.tunnels:
        site.world.exec("edge", "ip", "link", "del", tunnel)
    return now_s


def shaken(site: Site, since_s: int) -> bool:
    """Return whether all tunnels of the edge have shaken hands since some time."""
    return min(handshakes(site)) >= since_s


def one_key(site: Site) -> bool:
    """Return whether all tunnels of both ends have one preshared key."""
    keys = shared(site, "edge") | shared(site, "hub")
    return len(keys) == 1 and "(none)" not in keys


def shakes_hands_anew(site: Site) -> None:
    """Have all tunnels shake hands with what both ends have now."""
    since_s = tunnels_gone(site)
    eventually(lambda: shaken(site, since_s), within_s=UP_WITHIN_S, what="handshakes")


def test_a_call_goes_on_while_both_ends_take_preshared_keys_and_then_they_are_needed(
    site: Site, state_dir: Path
):
    made_well(site)
    assert shared(site, "edge") == {"(none)"}
    # With sessions that are young, both ends take the key within seconds.
    shakes_hands_anew(site)
    made_well(site)
    with call(site) as lost:
        for end in ENDS:
            hand_over(site, end, state_dir)
            put(site, end, replace(site.pair.daemons[end].policy, preshared=1))
        eventually(lambda: one_key(site), within_s=SHARED_WITHIN_S, what="one key at both ends")
    assert lost == [0]
    key = shared(site, "edge")
    shakes_hands_anew(site)
    assert shared(site, "edge") == key == shared(site, "hub")


def test_an_end_that_is_restored_from_an_image_of_a_month_ago_shakes_hands_by_itself(
    well: Site, state_dir: Path
):
    before = shared(well, "hub")
    restored(well, "edge", state_dir, current_moment().instant - timedelta(days=31))
    shakes_hands_anew(well)
    assert shared(well, "edge") == before == shared(well, "hub")


@pytest.mark.long
def test_a_far_end_in_which_it_is_next_week_already_is_found(well: Site, state_dir: Path):
    before = shared(well, "hub")
    restored(well, "hub", state_dir, current_moment().instant + timedelta(days=14))
    try:
        eventually(lambda: shared(well, "hub") != before, within_s=120, what="next week there")
        shakes_hands_anew(well)
        assert shared(well, "edge") == shared(well, "hub") != before
    finally:
        for end in ENDS:
            restored(well, end, state_dir, current_moment().instant)


@pytest.mark.long
def test_with_another_chain_nobody_shakes_hands(well: Site, state_dir: Path, tmp_path: Path):
    """The control: that the paths come up says something about the keys."""
    restored(well, "edge", tmp_path, current_moment().instant)
    since_s = tunnels_gone(well)
    with pytest.raises(LabError):
        eventually(lambda: shaken(well, since_s), within_s=SILENT_S, what="what may not be")
    restored(well, "edge", state_dir, current_moment().instant)
    eventually(lambda: shaken(well, since_s), within_s=UP_WITHIN_S, what="handshakes")
