"""What an edge lets pass between segments, and how much it has dropped, as one JSON object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from edge.policy.model import EdgePolicy
from inventory.model import Segment
from policies.packet_filter.model import PacketFilter, SegmentOpening

Json: TypeAlias = Mapping[str, Any]
# Chains that count packets from no LAN of ours, and what those packets are.
_OTHERS: Final[Mapping[str, str]] = {
    "segment_to_lans": "from elsewhere, to the LANs",
    "segment_from_outside": "from networks of others",
    "segment_input": "from elsewhere, to this device",
}


def is_unfiltered(policy: EdgePolicy) -> bool:
    """Return whether a device has LANs and lets everything pass between them."""
    return bool(policy.lans) and policy.packet_filter is None


def segment_report(policy: EdgePolicy, counted: Mapping[str, int]) -> Json:
    """Return what is open to each LAN, and packets dropped and re-marked since the last load.

    counted are the packets that each chain has counted.
    """
    wanted = policy.packet_filter
    dropped = {words: counted.get(chain, 0) for chain, words in _OTHERS.items()}
    return {
        "filters": wanted is not None,
        "lans": [_lan(wanted, lan.segment, lan.interface, counted) for lan in wanted.lans]
        if wanted
        else [],
        "dropped": dropped if wanted else {},
        "marks": {
            "untrusted": sum(counted.get(f"distrust{version}", 0) for version in (4, 6)),
            "surplus": counted.get("surplus", 0),
        },
    }


def _lan(
    wanted: PacketFilter, segment: Segment, interface: str, counted: Mapping[str, int]
) -> Json:
    openings = (opening for opening in wanted.openings if opening.source is segment)
    return {
        "segment": segment.value,
        "interface": interface,
        "reaches": [*dict.fromkeys(words for one in openings for words in _words(one))],
        "dropped": counted.get(f"segment_from_{segment}", 0),
        "dropped_to_device": counted.get(f"segment_ask_{segment}", 0),
    }


def _words(opening: SegmentOpening) -> Iterator[str]:
    """Yield what an opening lets a host reach, as a person reads it."""
    if opening.target:
        yield f"hosts in {opening.target}"
    ports = _ports(map(str, opening.ports))
    yield from (f"{_address(str(prefix))}{ports}" for prefix in opening.prefixes)


def _ports(ports: Iterable[str]) -> str:
    written = " ".join(ports)
    return f" on {written}" if written else ""


def _address(prefix: str) -> str:
    return prefix.removesuffix("/32").removesuffix("/128")
