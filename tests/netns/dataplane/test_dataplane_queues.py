"""A call beside uploads that fill the circuit."""

import pytest

from tests.bench import qos

pytestmark = pytest.mark.netns


def test_a_call_beside_saturating_uploads_waits_little_and_loses_nothing():
    seen = qos.measure(3.0)
    assert seen["lost"] == 0
    assert seen["bulk_mbps"] > 1
    # The control: the same call where nothing puts it before the uploads.
    assert seen["without_queues_p50_ms"] > 4 * seen["p50_ms"]
