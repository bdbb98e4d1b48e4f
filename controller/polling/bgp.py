"""BGP and BFD as FRR tells them in JSON, and what they say of circuits."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.incidents.model import Health, Observation, Source
from controller.polling.network import Landing, WiredNetwork
from controller.polling.observing import Speaker, Stamp
from controller.transport.untrusted_text import printable
from inventory.model import DeviceName

SHOW_BGP: Final = "show bgp summary json"
SHOW_BFD: Final = "show bfd peers json"
ESTABLISHED: Final = "Established"
LARGEST: Final = 4_000_000
MOST_PEERS: Final = 4096
_BADNESS: Final = {Health.OK: 0, Health.DEGRADED: 1, Health.DOWN: 2}


class ShowError(ValueError):
    """What a router printed is not what it was asked for."""


@dataclass(frozen=True, slots=True)
class PeerState:
    """A neighbour's BGP session and BFD session; an empty text says that there is none.

    address is the neighbour's, for_s how long the BGP session is in its state.
    """

    address: str
    bgp: str = ""
    bfd: str = ""
    for_s: float = 0.0
    disabled: bool = False


def parse_bgp(text: str) -> tuple[PeerState, ...]:
    """Return the neighbours in the answer to SHOW_BGP, each once. Raises ShowError."""
    found: dict[str, PeerState] = {}
    for family in _mapping(_loaded(text)).values():
        peers = _mapping(family).get("peers")
        for address, peer in list(_mapping(peers).items())[:MOST_PEERS]:
            told = _mapping(peer)
            found[printable(address)] = PeerState(
                printable(address),
                bgp=printable(str(told.get("state", ""))),
                for_s=_seconds(told.get("peerUptimeMsec")),
                disabled="Admin" in str(told.get("state", "")),
            )
    return tuple(found.values())


def parse_bfd(text: str) -> Mapping[str, str]:
    """Return BFD's state by neighbour in the answer to SHOW_BFD. Raises ShowError."""
    told = _loaded(text)
    if not isinstance(told, list):
        raise ShowError("the list of BFD's neighbours is not a list")
    peers = [_mapping(one) for one in told[:MOST_PEERS]]
    return {
        printable(str(one["peer"])): printable(str(one.get("status", "")))
        for one in peers
        if "peer" in one
    }


def fallen_peers(bfd: Mapping[str, str]) -> tuple[PeerState, ...]:
    """Return the neighbours whose BFD session is down, whatever BGP says of them."""
    return tuple(PeerState(address, bfd=state) for address, state in bfd.items() if state == "down")


def session_observations(
    device: DeviceName,
    peers: tuple[PeerState, ...],
    bfd: Mapping[str, str],
    network: WiredNetwork,
    moment: tuple[Stamp, float],
) -> tuple[Observation, ...]:
    """Return what the worst of a router's sessions over each of its circuits says of that.

    moment is who says it, and when the router was asked.
    """
    say = Speaker(*moment, Source.BGP)
    worst: dict[Landing, tuple[Health, str]] = {}
    for landing, peer in _over_circuits(device, peers, network):
        verdict = _state(device, landing, peer, bfd.get(peer.address, ""))
        if landing not in worst or _BADNESS[verdict[0]] > _BADNESS[worst[landing][0]]:
            worst[landing] = verdict
    return tuple(say.of_circuit(landing, *verdict) for landing, verdict in worst.items())


def _over_circuits(
    device: DeviceName, peers: tuple[PeerState, ...], network: WiredNetwork
) -> Iterator[tuple[Landing, PeerState]]:
    for peer in peers:
        if landing := network.peers.get((device, peer.address)):
            yield landing, peer


def _state(device: DeviceName, landing: Landing, peer: PeerState, bfd: str) -> tuple[Health, str]:
    who = f"{device} with {landing.far_device}"
    if bfd == "down":
        return Health.DOWN, f"BFD of {who} is down: no packets come over {landing.interface}"
    if peer.disabled:
        return Health.DEGRADED, f"BGP of {who} is switched off"
    if peer.bgp != ESTABLISHED:
        return Health.DEGRADED, f"BGP of {who} is {peer.bgp or 'in no state'}, not established"
    return Health.OK, f"BGP of {who} is established"


def _loaded(text: str) -> Any:
    if len(text) > LARGEST:
        raise ShowError(f"the answer has more than {LARGEST} characters")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ShowError("the answer is not JSON") from None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(value: object) -> float:
    return value / 1000 if isinstance(value, int | float) and 0 <= value < 1e15 else 0.0
