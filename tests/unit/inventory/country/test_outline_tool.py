from tools.outline import outer_rings, points, ring

# Two arcs that share the points (10, 10) and (12, 10); deltas after the first point.
TOPOLOGY = {
    "transform": {"scale": [1.0, 1.0], "translate": [10.0, 10.0]},
    "arcs": [[[0, 0], [2, 0]], [[0, 0], [0, 3], [2, -3]]],
}


def test_deltas_are_summed_scaled_and_moved():
    assert points(TOPOLOGY, 1) == [[10.0, 10.0], [10.0, 13.0], [12.0, 10.0]]


def test_a_negative_arc_runs_backwards():
    assert points(TOPOLOGY, ~1) == [[12.0, 10.0], [10.0, 13.0], [10.0, 10.0]]


def test_a_ring_keeps_the_point_where_two_arcs_meet_once():
    joined = ring(TOPOLOGY, [0, ~1])
    assert joined == [[10.0, 10.0], [12.0, 10.0], [10.0, 13.0], [10.0, 10.0]]


def test_every_part_of_a_multipolygon_gives_its_outer_ring():
    whole = {"type": "MultiPolygon", "arcs": [[[0, ~1]], [[1, ~0], [0]]]}
    assert len(outer_rings(TOPOLOGY, whole)) == 2
    assert len(outer_rings(TOPOLOGY, {"type": "Polygon", "arcs": [[0, ~1]]})) == 1
