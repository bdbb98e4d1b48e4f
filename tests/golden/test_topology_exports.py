from pathlib import Path

import pytest

from inventory.model import Medium
from tests.factories import Draft
from tests.golden_files import assert_golden
from topology.build import build_topology
from topology.export import (
    export_dot,
    export_geojson,
    export_gexf,
    export_graphml,
    export_node_link,
)

HERE = Path(__file__).parent / "topology"


def small():
    """Two sites with accents, joined by a fibre under maintenance and a satellite operator."""
    draft = Draft()
    draft.site("yaounde", title="Yaoundé", description="Centre de données")
    draft.site("nyong-et-soo", "yaounde", title="Nyong-et-So'o", population=None)
    draft.device("nyong-et-soo", 2, description='the "spare"')
    ends = "yaounde-r1", "nyong-et-soo-r1"
    draft.circuit("fibre", *ends, description="tronçon nord", maintenance=True)
    draft.circuit("cross", "nyong-et-soo-r1", "nyong-et-soo-r2", delay_ms=0)
    for name in ("yaounde-r1", "nyong-et-soo-r2"):
        draft.circuit(f"{name}-leo", name, "provider:leo-operator", medium=Medium.LEO)
    return draft.intent()


@pytest.mark.parametrize(
    ("export", "name"),
    [
        (export_geojson, "small.geojson"),
        (export_graphml, "small.graphml"),
        (export_gexf, "small.gexf"),
        (export_dot, "small.dot"),
        (export_node_link, "small.node-link.json"),
    ],
)
def test_exports_of_a_small_network_are_as_reviewed(export, name):
    intent = small()
    assert_golden(HERE / name, export(build_topology(intent), intent))
