"""What the service keeps of consultations and says about them."""

from collections.abc import Collection, Mapping

from sqlalchemy import Engine

from controller.consultations.expectation import expect_quality
from controller.consultations.model import Expectation, Quality
from controller.consultations.rows import ConsultationRows
from policies.model import CARE_CLASSES, Policies
from topology.model import Topology


class ConsultationDesk(ConsultationRows):
    """Announcements in the database, with the network over which they go."""

    def __init__(self, engine: Engine, topology: Topology, policies: Policies) -> None:
        super().__init__(engine)
        self._topology, self._needs_mbps = topology, session_needs(policies)

    def expect(self, sites: Collection[str], dead: Collection[str]) -> Expectation:
        """Return what quality to expect between sites while circuits are dead."""
        return expect_quality(self._topology, sites, dead, self._needs_mbps)


def session_needs(policies: Policies) -> Mapping[Quality, float]:
    """Return what a session takes each way, in Mbit/s: of sound alone, and with a picture."""
    audio, video = (policies.classes[name].rate_mbps for name in CARE_CLASSES)
    return {Quality.AUDIO: audio, Quality.VIDEO: audio + video}
