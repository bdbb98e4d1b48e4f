"""Routes kept for many questions are those that topology.paths finds for each one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Intent, Medium, Role
from policies.routes import NOTHING, Routes
from policies.sentences import SentenceFailure, Thing
from tests.factories import Draft
from topology.build import build_topology, site_node
from topology.model import Path
from topology.paths import best_path, without_failed

ENDS = [f"s{n}-r1" for n in range(6)] + ["s0-r2", "provider:p"]


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    """Return six sites, the first with two devices, joined at random with many equal costs.

    Some have an edge as the gateway of their LANs.
    """
    draft = Draft()
    draft.site("s0")
    for n in range(1, 6):
        draft.site(f"s{n}", "s0")
    draft.device("s0", 2)
    for name in draw(st.sets(st.sampled_from(["s0-r1", "s1-r1", "s3-r1"]))):
        draft.devices[name] = replace(draft.devices[name], role=Role.EDGE)
    for n in range(draw(st.integers(0, 14))):
        a = draw(st.sampled_from(ENDS[:-1]))
        b = draw(st.sampled_from([end for end in ENDS if end != a]))
        draft.circuit(
            f"c{n}",
            a,
            b,
            medium=draw(st.sampled_from([Medium.FIBRE, Medium.MICROWAVE, Medium.LEO])),
            delay_ms=draw(st.sampled_from([0.0, 1.0, 1.0, 2.0])),
            maintenance=draw(st.sampled_from([False, False, True])),
        )
    return draft.intent()


failures = st.lists(
    st.builds(
        SentenceFailure, st.just(Thing.CIRCUIT), st.sampled_from([f"c{n}" for n in range(14)])
    )
    | st.builds(SentenceFailure, st.just(Thing.DEVICE), st.sampled_from(ENDS[:-1]))
    | st.builds(SentenceFailure, st.just(Thing.SITE), st.sampled_from([f"s{n}" for n in range(6)])),
    max_size=3,
)


@given(intents(), failures)
def test_kept_routes_are_the_best_paths_of_what_remains(
    intent: Intent, failed: list[SentenceFailure]
):
    topology = build_topology(intent)
    routes = Routes.of(topology)
    down = routes.down(failed)
    remains = without_failed(topology, down.links | down.nodes)
    assert set(remains.nodes) == set(topology.nodes) - down.nodes
    for a in ("s1", "s2"):
        for b in ("s0", "s1", "s5"):
            ends = site_node(a), site_node(b)
            there = all(end in remains.nodes for end in ends)
            expected = best_path(remains, *ends) if there else None
            assert routes.best(ends[0], [ends[1]], down) == expected


@given(intents())
def test_nearest_of_several_is_the_best_of_the_best(intent: Intent):
    topology = build_topology(intent)
    goals = [site_node(name) for name in ("s2", "s4", "s5")]
    found = Routes.of(topology).best(site_node("s1"), goals, NOTHING)
    each = [path for goal in goals if (path := best_path(topology, site_node("s1"), goal))]
    costs = [_rank(path) for path in each]
    drained = {name for name, link in topology.links.items() if link.maintenance}
    if found is None or drained.intersection(found.links):
        assert not [path for path in each if drained.isdisjoint(path.links)]
    else:
        sound = [c for c, path in zip(costs, each, strict=True) if drained.isdisjoint(path.links)]
        assert _rank(found) == min(sound)


def _rank(path: Path) -> tuple[int, int, float]:
    """Return what paths are compared by: cost, then circuits crossed, then delay."""
    return path.cost, len(path.links), round(path.delay_ms, 6)
