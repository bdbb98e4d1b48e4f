"""Two real daemons move to other keys while a call goes on between them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from edge.control import client as control
from edge.identity.keyring import KEYS
from edge.policy.model import EdgePolicy
from inventory.errors import EdgeError
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_pair import ENDS, End
from tests.rigs.edge.edge_site import Site, call, made_well, put, standing

pytestmark = pytest.mark.netns

# Three tunnels, each drained for 1 s and proved within seconds.
MOVED_WITHIN_S = 60.0
TOS = {"sound": 0xB8, "everything else": 0}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing("k") as made:
        yield made


@pytest.fixture
def well(site: Site) -> Site:
    return made_well(site)


def other(end: End) -> End:
    return ENDS[1 - ENDS.index(end)]


def upcoming(site: Site, end: End) -> str:
    return str(control.request(site.pair.daemons[end].folder, "rekey")["upcoming"])


def keys(site: Site, end: End):
    return control.request(site.pair.daemons[end].folder, "keys")["keys"]


def known_as(policy: EdgePolicy, key: str = "", following: str = "") -> EdgePolicy:
    """Return a policy in which the peer has another key, or moves to one."""
    (peer,) = policy.peers
    changed = replace(peer, public_key=key or peer.public_key, next_key=following)
    return replace(policy, peers=(changed,))


def announced(site: Site, end: End, key: str) -> None:
    """Have both ends know that one of them moves to a key."""
    far = other(end)
    put(site, far, known_as(site.pair.daemons[far].policy, following=key))
    put(site, end, replace(site.pair.daemons[end].policy, key=key))


def settled(site: Site, end: End, key: str) -> None:
    """Have the far end forget the former key."""
    far = other(end)
    put(site, far, known_as(site.pair.daemons[far].policy, key))


def moved(site: Site, end: End, key: str) -> bool:
    said = keys(site, end)
    return said["key"] == key and not said["waiting"]


def on_the_interface(site: Site, end: End) -> set[str]:
    """Return the public keys that the kernel has for this end's tunnels."""
    policy = site.pair.daemons[end].policy
    said = (site.world.exec(end, "wg", "show", name, "public-key") for name in policy.tunnels)
    return {key.strip() for key in said}


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("sound", "edge"),
        pytest.param("everything else", "hub", marks=pytest.mark.long),
        pytest.param("sound", "hub", marks=pytest.mark.long),
        pytest.param("everything else", "edge", marks=pytest.mark.long),
    ],
)
def test_a_device_moves_all_its_tunnels_and_no_packet_is_lost(well: Site, end: End, kind: str):
    key = upcoming(well, end)
    with call(well, tos=TOS[kind]) as lost:
        announced(well, end, key)
        eventually(partial(moved, well, end, key), within_s=MOVED_WITHIN_S, what="every tunnel")
        settled(well, end, key)
    assert lost == [0]
    assert on_the_interface(well, end) == {key}
    assert keys(well, end)["phase"] == "idle"
    # It is asked for another one only now that it has moved.
    assert upcoming(well, end) != key


@pytest.mark.long
def test_both_ends_move_at_the_same_time_and_no_packet_is_lost(well: Site):
    found = {end: upcoming(well, end) for end in ENDS}
    policies = {
        end: replace(
            known_as(well.pair.daemons[end].policy, following=found[other(end)]), key=found[end]
        )
        for end in ENDS
    }
    with call(well) as lost:
        for end in ENDS:
            put(well, end, policies[end])
        for end in ENDS:
            eventually(
                partial(moved, well, end, found[end]),
                within_s=2 * MOVED_WITHIN_S,
                what=f"the {end}",
            )
        for end in ENDS:
            settled(well, end, found[end])
    assert lost == [0]
    assert {end: on_the_interface(well, end) for end in ENDS} == {
        end: {key} for end, key in found.items()
    }


def test_without_both_keys_at_once_the_call_loses_packets(well: Site):
    """The control: the far end forgets the former key before the device has the other."""
    key = upcoming(well, "edge")
    with call(well) as lost:
        put(well, "hub", known_as(well.pair.daemons["hub"].policy, key))
        put(well, "edge", replace(well.pair.daemons["edge"].policy, key=key))
        eventually(
            lambda: moved(well, "edge", key) and well.up(), within_s=MOVED_WITHIN_S, what="it back"
        )
    assert lost[0] > 10


@pytest.mark.parametrize("killed", ["", pytest.param("killed", marks=pytest.mark.long)])
def test_a_far_end_that_does_not_know_the_key_costs_nothing_and_the_device_returns(
    well: Site, killed: str
):
    before, key = on_the_interface(well, "edge"), upcoming(well, "edge")
    daemon = well.pair.daemons["edge"]
    first = daemon.policy
    with call(well) as lost:
        put(well, "edge", replace(first, key=key))
        if killed:
            # Its successor knows that nobody has answered the new key yet.
            eventually(partial(is_in, well, "proving"), within_s=MOVED_WITHIN_S, what="a move")
            daemon.kill()
            daemon.start()
            eventually(partial(answers, well, "edge"), within_s=120, what="the successor")
        eventually(lambda: keys(well, "edge")["phase"] == "resting", within_s=40, what="its return")
        put(well, "edge", first)
        eventually(
            lambda: not keys(well, "edge")["waiting"], within_s=MOVED_WITHIN_S, what="the former"
        )
    assert lost == [0]
    assert on_the_interface(well, "edge") == before
    assert any("no answer with the new key from hub" in one for one in well.explained("keys"))


@pytest.mark.long
@pytest.mark.parametrize("end", ["edge", "hub"])
def test_a_daemon_killed_in_the_middle_of_a_move_goes_on_with_it(well: Site, end: End):
    key, daemon = upcoming(well, "edge"), well.pair.daemons[end]
    with call(well) as lost:
        announced(well, "edge", key)
        for phase in ("draining", "proving"):
            eventually(
                partial(is_in, well, phase), within_s=MOVED_WITHIN_S, what=phase, every_s=0.01
            )
            daemon.kill()
            daemon.start()
            eventually(partial(answers, well, end), within_s=120, what="the successor")
        eventually(partial(moved, well, "edge", key), within_s=MOVED_WITHIN_S, what="the others")
        settled(well, "edge", key)
    assert lost == [0]
    assert on_the_interface(well, "edge") == {key}


@pytest.mark.long
def test_a_daemon_that_cannot_open_the_key_in_use_leaves_the_tunnels_what_they_have(well: Site):
    """With the key of the enrolment, which the far end has forgotten, the site would be off."""
    daemon, key = well.pair.daemons["edge"], upcoming(well, "edge")
    announced(well, "edge", key)
    eventually(partial(moved, well, "edge", key), within_s=MOVED_WITHIN_S, what="every tunnel")
    settled(well, "edge", key)
    rings = {file: file.read_bytes() for file in (daemon.folder / KEYS).iterdir()}
    with call(well) as lost:
        daemon.kill()
        for file in rings:
            file.write_bytes(b"damaged")
        daemon.start()
        eventually(partial(answers, well, "edge"), within_s=120, what="the successor")
        eventually(
            partial(told, well, f"the private key of {key} is not here"),
            within_s=120,
            what="the fault",
        )
        assert on_the_interface(well, "edge") == {key}
        for file, octets in rings.items():
            file.write_bytes(octets)
        eventually(lambda: not well.status()["faults"], within_s=120, what="a key that opens")
    assert lost == [0]
    assert on_the_interface(well, "edge") == {key}


def told(site: Site, words: str) -> bool:
    return any(words in fault for fault in site.status()["faults"])


def is_in(site: Site, phase: str) -> bool:
    return bool(keys(site, "edge")["phase"] == phase)


def answers(site: Site, end: End) -> bool:
    try:
        return bool(control.request(site.pair.daemons[end].folder, "status"))
    except EdgeError:
        return False
