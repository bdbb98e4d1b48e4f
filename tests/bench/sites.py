"""What consultations lose while sites move to other keys, and while a week turns."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from edge.clock import current_moment
from edge.control import client as control
from simulations.netns.waiting import eventually
from tests.bench.measure import Figure
from tests.rigs.edge.edge_pair import ENDS, End
from tests.rigs.edge.edge_site import Site, call, put, standing
from tests.rigs.edge.preshared_rig import restored, shared, sharing

MOVED_WITHIN_S: Final = 120.0
# WireGuard shakes hands again after 120 s, and a session ends after 180 s.
TURNED_WITHIN_S: Final = 240.0


def sites(folder: Path) -> Iterator[Figure]:
    """Yield the packets lost of calls of 50 packets a second, in each direction together."""
    with standing("r") as made:
        state_dir = folder / "sites"
        site = sharing(made, state_dir)
        for end in ENDS:
            yield _lost(f"site: lost while the {end} moves to another key", _moved(site, end))
        sharing(site, state_dir)
        lost, key = _turned(site, state_dir)
        yield _lost("site: lost while a week turns at the hub, a week before the edge's", lost)
        assert key == shared(site, "hub"), "the edge has not found the hub's key"


def _moved(site: Site, end: End) -> int:
    far = ENDS[1 - ENDS.index(end)]
    near, other = site.pair.daemons[end], site.pair.daemons[far]
    key = str(control.request(near.folder, "rekey")["upcoming"])
    (peer,) = other.policy.peers

    def moved() -> bool:
        said = control.request(near.folder, "keys")["keys"]
        return said["key"] == key and not said["waiting"]

    with call(site) as lost:
        put(site, far, replace(other.policy, peers=(replace(peer, next_key=key),)))
        put(site, end, replace(near.policy, key=key))
        eventually(moved, within_s=MOVED_WITHIN_S, what=f"the {end}'s tunnels")
        settled = replace(peer, public_key=key, next_key="")
        put(site, far, replace(other.policy, peers=(settled,)))
    return lost[0]


def _turned(site: Site, state_dir: Path) -> tuple[int, set[str]]:
    """Let it be next week at the hub alone, until the edge has its key on every tunnel."""
    before = shared(site, "hub")
    with call(site) as lost:
        restored(site, "hub", state_dir, current_moment().instant + timedelta(days=14))
        eventually(lambda: shared(site, "hub") != before, within_s=30, what="next week there")
        eventually(
            lambda: shared(site, "edge") == shared(site, "hub"),
            within_s=TURNED_WITHIN_S,
            what="the hub's key at the edge",
        )
    return lost[0], shared(site, "edge")


def _lost(name: str, packets: int) -> Figure:
    return Figure(name, packets, packets, packets, 1, 0, "packets")
