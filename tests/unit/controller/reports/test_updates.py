"""The staged plan of an update: one calm edge first, hubs last, and nobody who is unknown."""

from controller.reports.updates import EdgeVersion, is_older, plan_stages


def edge(name, people=1000, ways=2, version="0.1.0", *, hub=False):
    return EdgeVersion(name, name.partition("-")[0], people, ways, hub, version)


def test_versions_are_compared_by_their_numbers():
    assert is_older("0.9.1", "0.10.0")
    assert not is_older("0.10.0", "0.10.0")
    assert not is_older("1.0", "0.10.0")
    assert not is_older("", "0.10.0")


def test_the_first_is_the_calmest_with_two_ways_and_hubs_are_last_one_by_one():
    edges = [
        edge("yaounde-e1", 3_000_000, hub=True),
        edge("douala-e1", 2_000_000, hub=True),
        edge("mora-e1", 500),
        edge("waza-e1", 10, ways=1),
        *(edge(f"site{n}-e1", 1000 + n) for n in range(20)),
    ]
    stages = plan_stages(edges, "0.2.0")
    assert [(one.device, one.key) for one in stages if one.stage == 1] == [
        ("mora-e1", "stage-canary")
    ]
    assert len([one for one in stages if one.stage == 2]) == 3
    assert [(one.stage, one.device) for one in stages[-2:]] == [(4, "douala-e1"), (5, "yaounde-e1")]
    assert [one.device for one in stages if one.stage == 3][-1] == "waza-e1"
    assert len(stages) == len(edges)


def test_who_is_current_or_unknown_is_in_no_stage():
    assert plan_stages([edge("a-e1", version="0.2.0"), edge("b-e1", version="")], "0.2.0") == ()
    assert [one.stage for one in plan_stages([edge("h-e1", hub=True)], "0.2.0")] == [1]


def test_an_edge_whose_system_waits_for_updates_is_staged_whatever_it_runs():
    edges = [edge("a-e1", version="0.2.0"), edge("b-e1", version="0.2.0")]
    assert [one.device for one in plan_stages(edges, "0.2.0", {"b-e1"})] == ["b-e1"]
