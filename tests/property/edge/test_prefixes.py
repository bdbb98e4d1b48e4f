"""Laws of prefixes cut apart, of names that may stand in rules, and of steering."""

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from edge.dataplane.desired import desired_state, with_steering
from edge.forwarding.steering import PeerSteering, Steering
from edge.nftables.prefixes import disjoint
from edge.nftables.ruleset import checked_interface
from edge.policy.model import Prefix
from inventory.errors import PolicyRefusedError
from tests.rigs.edge.edge_policies import edge_policy

SPACE = IPv4Network("10.0.0.0/24")
PATHS = ("kolofata-fibre", "kolofata-leo", "kolofata-lte", None)


@st.composite
def prefixes(draw: st.DrawFn) -> Prefix:
    length = draw(st.integers(24, 30))
    address = int(SPACE.network_address) + draw(st.integers(0, 255))
    return IPv4Network((address, length), strict=False)


@given(st.dictionaries(prefixes(), st.integers(0, 5)), st.sets(prefixes()))
def test_parts_belong_to_the_longest_claim_and_never_overlap(
    claims: dict[Prefix, int], without: set[Prefix]
):
    parts = disjoint(claims, without)
    for address in SPACE:
        holding = [claim for part, claim in parts if address in part]
        covering = [prefix for prefix in {*claims, *without} if address in prefix]
        longest = max(covering, key=lambda prefix: prefix.prefixlen, default=None)
        expected = [claims[longest]] if longest is not None and longest in claims else []
        assert holding == expected


@given(st.text(max_size=20))
def test_names_in_rules_hold_nothing_that_nft_could_read_as_more_than_a_word(name: str):
    try:
        accepted = checked_interface(name)
    except PolicyRefusedError:
        return
    assert 0 < len(accepted) <= 15
    assert accepted.isascii()
    assert accepted.replace("-", "").replace("_", "").replace(".", "").isalnum()


@st.composite
def steerings(draw: st.DrawFn) -> Steering:
    path = st.sampled_from(PATHS)
    names = [c.service.name for c in edge_policy().classes]
    drawn = {name: draw(path) for name in names}
    services = {name: chosen for name, chosen in drawn.items() if chosen}
    return Steering({"yaounde-e1": PeerSteering(services, draw(path), draw(path))})


@given(steerings(), steerings())
def test_steering_from_anywhere_ends_where_starting_anew_would(before: Steering, after: Steering):
    policy = edge_policy()
    moved, _, _ = with_steering(desired_state(policy, before), after)
    assert moved == desired_state(policy, after)
