"""What the service keeps of consultations and says about them."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Final

from sqlalchemy import Engine

from controller.consultations.conflicts import shared_names, touched_by
from controller.consultations.expectation import expect_quality
from controller.consultations.model import Announcement, Expectation, Quality, Standing
from controller.consultations.rows import ConsultationRows
from policies.model import CARE_CLASSES, Policies
from topology.model import Topology
from topology.paths import disjoint_paths

# A consultation goes over the best way, and a copy over the next.
_WAYS: Final = 2
# The network does not change while it is served, and the same sites meet again and again.
_KEPT_WAYS: Final = 2_000


class ConsultationDesk(ConsultationRows):
    """Announcements in the database, with the network over which they go."""

    def __init__(self, engine: Engine, topology: Topology, policies: Policies) -> None:
        super().__init__(engine)
        self._topology, self._needs_mbps = topology, session_needs(policies)
        self._known_ways = lru_cache(_KEPT_WAYS)(self._find_ways)

    def expect(self, sites: Collection[str], dead: Collection[str]) -> Expectation:
        """Return what quality to expect between sites while circuits are dead."""
        return expect_quality(self._topology, sites, dead, self._needs_mbps)

    def touched(self, names: Collection[str], now_s: float) -> tuple[Announcement, ...]:
        """Return the running consultations that go over any of some circuits, devices or sites."""
        return touched_by(self.between(now_s, now_s + 1e-3), names, self._ways, now_s)

    def coming(
        self, names: Collection[str], now_s: float, within_s: float
    ) -> tuple[Announcement, ...]:
        """Return the consultations that are announced for soon over any of some names."""
        soon = self.between(now_s, now_s + within_s)
        return touched_by(soon, names, self._ways, now_s, (Standing.ANNOUNCED,))

    def shared(
        self, announcements: Collection[Announcement], names: Collection[str]
    ) -> tuple[str, ...]:
        """Return over which circuits of some names consultations go, or else which devices."""
        return shared_names(announcements, names, self._ways, self._topology.links)

    def _ways(self, sites: Collection[str]) -> frozenset[str]:
        """Return what stands on the first way between sites and on the one that takes over."""
        return self._known_ways(tuple(sorted(sites)))

    def _find_ways(self, sites: tuple[str, ...]) -> frozenset[str]:
        return frozenset(
            name
            for a, b in combinations(sites, 2)
            for way in disjoint_paths(self._topology, a, b, by="link")[:_WAYS]
            for name in (*way.nodes, *way.links)
        )


def session_needs(policies: Policies) -> Mapping[Quality, float]:
    """Return what a session takes each way, in Mbit/s: of sound alone, and with a picture."""
    audio, video = (policies.classes[name].rate_mbps for name in CARE_CLASSES)
    return {Quality.AUDIO: audio, Quality.VIDEO: audio + video}
