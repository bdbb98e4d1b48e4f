"""What the difference between two policies of an edge does to traffic."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.model import DeviceConfig, Impact
from controller.planning import impact
from controller.platforms import model
from edge.policy.model import EdgePolicy
from edge.signed import policy_envelope
from tests.rigs.edge.edge_policies import EDGE_KEY, edge_policy

NOTHING = DeviceConfig("")


def config(policy: EdgePolicy) -> DeviceConfig:
    return DeviceConfig(policy_envelope.policy_text(policy))


def judged(change: Callable[[EdgePolicy], EdgePolicy]) -> tuple[Impact, str]:
    made = impact.assess(config(edge_policy()), config(change(edge_policy())))
    assert not made.whole_device
    assert not made.unconfigured
    assert not made.interfaces
    return made.impact, made.because


def with_underlay(policy: EdgePolicy, **changes: object) -> EdgePolicy:
    first, *rest = policy.underlays
    return replace(policy, underlays=(replace(first, **changes), *rest))  # type: ignore[arg-type]


def with_peer(policy: EdgePolicy, **changes: object) -> EdgePolicy:
    return replace(policy, peers=(replace(policy.peers[0], **changes),))  # type: ignore[arg-type]


def test_an_edge_with_a_policy_is_not_blank_and_one_without_is():
    assert not model.unconfigured(config(edge_policy()))
    assert model.unconfigured(NOTHING)


def test_a_first_policy_interrupts_until_the_far_ends_have_theirs():
    made = impact.assess(NOTHING, config(edge_policy()))
    assert made.impact is Impact.INTERRUPTION
    assert "first policy" in made.because
    # The edge was there before: what runs through it plain is not taken for cut off.
    assert not made.unconfigured


def test_a_first_policy_is_shown_in_one_line():
    shown = impact.diff(NOTHING, config(edge_policy()))
    tunnels = ", ".join(underlay.tunnel for underlay in edge_policy().underlays)
    assert shown.startswith("edge without a policy: ")
    assert f"tunnels {tunnels}, peers yaounde-e1" in shown


def test_a_changed_policy_is_shown_line_by_line():
    shown = impact.diff(config(edge_policy()), config(with_underlay(edge_policy(), mtu=1300)))
    assert '+      "mtu": 1300,' in shown.splitlines()


@pytest.mark.parametrize(
    "changes",
    [{"mtu": 1300}, {"listen_port": 40_000}, {"tunnel": "sgtother"}, {"interface": "eth9"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_tunnel_made_anew_is_interrupted(changes):
    found = judged(lambda policy: with_underlay(policy, **changes))
    circuit = edge_policy().underlays[0].circuit
    assert found == (Impact.INTERRUPTION, f"interrupted for a moment: the tunnel over {circuit}")


def test_a_lost_circuit_is_interrupted():
    def without_last(policy: EdgePolicy) -> EdgePolicy:
        lost = policy.underlays[-1].circuit
        paths = tuple(path for path in policy.peers[0].paths if path.circuit != lost)
        return with_peer(replace(policy, underlays=policy.underlays[:-1]), paths=paths)

    assert judged(without_last)[0] is Impact.INTERRUPTION


def test_another_key_of_a_peer_interrupts_its_tunnels():
    found = judged(lambda policy: with_peer(policy, public_key=EDGE_KEY))
    assert found == (Impact.INTERRUPTION, "interrupted for a moment: the tunnels to yaounde-e1")


def test_a_new_peer_is_interrupted_until_it_has_its_policy():
    found = judged(
        lambda policy: replace(
            policy,
            peers=(*policy.peers, replace(policy.peers[0], device="douala-e1", paths=())),
        )
    )
    assert found == (Impact.INTERRUPTION, "interrupted for a moment: the tunnels to douala-e1")


def test_another_loopback_interrupts_everything():
    other = edge_policy().peers[0].loopback + 9
    assert judged(lambda policy: replace(policy, loopback=other))[1].endswith("moment: all tunnels")


def test_another_care_tunnel_interrupts_consultations():
    found = judged(lambda policy: replace(policy, care=replace(policy.care, mtu=1200)))
    assert found == (Impact.INTERRUPTION, "interrupted for a moment: consultations")


def test_other_costs_rates_and_classes_only_reroute():
    def cheaper(policy: EdgePolicy) -> EdgePolicy:
        first, *rest = policy.peers[0].paths
        return with_peer(policy, paths=(replace(first, cost=9), *rest))

    for change in (
        cheaper,
        lambda policy: with_underlay(policy, rate_up_mbps=1.0, metered=True),
        lambda policy: replace(policy, classes=policy.classes[1:]),
    ):
        assert judged(change)[0] is Impact.REROUTE


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{]",
        '{"no": "policy"}',
        '{"underlays": [1], "peers": []}',
        '{"underlays": [], "peers": [{}]}',
        '{"underlays": [], "peers": null}',
        '{"underlays": {"circuit": 1}, "peers": []}',
    ],
)
def test_what_is_no_policy_counts_as_the_worst(text):
    made = impact.assess(DeviceConfig(text), config(edge_policy()))
    assert (made.impact, made.because) == (
        Impact.INTERRUPTION,
        "it runs, or is to run, what is no policy",
    )
