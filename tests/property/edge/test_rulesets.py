"""Laws of the rules of an edge: whatever a policy has or lacks, nft takes them."""

import os
import re
import subprocess
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.dataplane.desired import desired_state
from edge.forwarding.steering import PeerSteering, Steering
from edge.nftables.nft import replace_tables
from edge.policy.model import EdgePolicy
from inventory.model import Ports
from policies.model import ORDINARY_CLASS
from policies.packet_filter.model import ControlPorts, PacketFilter
from tests.rigs.edge.edge_policies import edge_policy, hub_policy
from tests.rigs.edge.segments import packet_filter

POLICIES = (edge_policy(), hub_policy())
FILTER = packet_filter()
PREFIXES = (ip_network("10.0.3.0/24"), ip_network("fd5a:6e61:6700:1::/64"))
EMPTY: dict[str, Any] = {"peers": (), "underlays": ()}
# nft reads the kernel's tables even for a check, which is root's to do.
CHECK = ["nft", "-c", "-f", "-"]
if os.geteuid():
    CHECK = ["unshare", "--map-root-user", "--net", *CHECK]


@st.composite
def parts(draw: st.DrawFn) -> EdgePolicy:
    """Draw a policy with any part of what another one has."""
    whole = draw(st.sampled_from(POLICIES))
    underlays = tuple(
        replace(underlay, shape_ingress=draw(st.booleans()))
        for underlay in draw(_some(whole.underlays))
    )
    there = {underlay.circuit for underlay in underlays}
    (peer,) = whole.peers
    peer = replace(
        peer,
        paths=tuple(path for path in peer.paths if path.circuit in there),
        prefixes=draw(_some((*peer.prefixes, ip_network("fd5a:6e61:6700::/62")))),
    )
    kept = draw(_some(whole.classes))
    return replace(
        whole,
        underlays=underlays,
        peers=draw(_some((peer,))),
        lans=draw(_some(whole.lans)),
        prefixes=draw(_some(PREFIXES)),
        classes=tuple(c for c in whole.classes if c in kept or c.service.name == ORDINARY_CLASS),
        packet_filter=draw(st.none() | filters()),
    )


@st.composite
def filters(draw: st.DrawFn) -> PacketFilter:
    """Draw a filter with any part of what another one has."""
    behind = draw(_some((ip_network("192.168.7.0/24"), ip_network("0.0.0.0/0"))))
    lans = (replace(lan, behind=behind) for lan in draw(_some(FILTER.lans)))
    shut = replace(FILTER.control[0], peers=draw(_some(FILTER.control[0].peers)))
    return replace(
        FILTER,
        lans=tuple(lans),
        openings=draw(_some(FILTER.openings)),
        control=draw(_some((shut, ControlPorts((Ports("udp", 3784, 3785),), ())))),
        outside=draw(_some(("eth2", "eth3"))),
        management=draw(st.sampled_from((None, FILTER.management))),
    )


def _some(whole):
    return st.sets(st.sampled_from(range(len(whole)))).map(
        lambda taken: tuple(whole[index] for index in sorted(taken))
    )


def refusal(policy: EdgePolicy) -> str:
    """Return what nft says against the rules of a policy; nothing when it takes them."""
    ways = PeerSteering({})
    want = desired_state(policy, Steering({peer.device: ways for peer in policy.peers}))
    # Both interfaces of what arrives must be there; this one is everywhere.
    arriving = [re.sub(r'(device|to) "[^"]+"', r'\1 "lo"', a.ruleset) for a in want.arrivals]
    text = replace_tables([want.ruleset, *arriving])
    done = subprocess.run(CHECK, input=text, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@settings(max_examples=25)
@example(edge_policy(**EMPTY))
@example(hub_policy(**EMPTY))
@example(hub_policy(**EMPTY, lans=(), prefixes=()))
@example(edge_policy(packet_filter=FILTER))
@example(edge_policy(packet_filter=replace(FILTER, lans=(), openings=(), outside=())))
@given(parts())
def test_nft_takes_the_rules_of_every_policy(policy: EdgePolicy):
    assert refusal(policy) == ""


def test_nft_refuses_what_is_no_rule(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge.nftables.ruleset.STAMP_PORT", "nonsense")
    assert "nonsense" in refusal(edge_policy())
