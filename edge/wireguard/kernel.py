"""WireGuard in the kernel itself, set over generic netlink."""

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from typing import Any, Final, TypeAlias

from pyroute2 import WireGuard as Netlink
from pyroute2.netlink.exceptions import NetlinkError

from edge.policy.model import Prefix, TunnelEndpoint
from edge.wireguard import link_setup
from edge.wireguard.diff import Changes, PeerChange, Served, ServedPeer, diff_device
from edge.wireguard.endpoints import RememberedEndpoints
from edge.wireguard.model import NO_PRESHARED_KEY, PeerStatus, Tunnel, TunnelState
from vpn.key_text import PublicKey

# pyroute2 has no types: an answer of the kernel is a tree of attributes.
Message = Any
Write: TypeAlias = Callable[[Netlink, str, Changes], None]

HANDSHAKE: Final = "WGPEER_A_LAST_HANDSHAKE_TIME"
PRESHARED: Final = "WGPEER_A_PRESHARED_KEY"
KEEPALIVE: Final = "WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL"


def by_netlink(device: Netlink, name: str, changes: Changes) -> None:
    """Carry out changes of a device in their order. Raises NetlinkError."""
    secret = changes.private_key
    if (secret, changes.listen_port, changes.mark) != (None, None, None):
        device.set(
            name,
            private_key=None if secret is None else base64.b64encode(secret).decode("ascii"),
            listen_port=changes.listen_port,
            fwmark=changes.mark,
        )
    for change in changes.peers:
        device.set(name, peer=_peer_request(change))


def _peer_request(change: PeerChange) -> dict[str, object]:
    """Return a change as pyroute2 wants it."""
    if change.remove:
        return {"public_key": change.public_key, "remove": True}
    request: dict[str, object] = {
        "public_key": change.public_key,
        "update_only": not change.create,
        "replace_allowed_ips": change.replace_allowed,
        "allowed_ips": [str(prefix) for prefix in change.allowed],
    }
    if change.preshared_key is not None:
        request["preshared_key"] = base64.b64encode(change.preshared_key).decode("ascii")
    if change.endpoint:
        request["endpoint_addr"] = str(change.endpoint.address)
        request["endpoint_port"] = change.endpoint.port
    if change.keepalive_s is not None:
        request["persistent_keepalive"] = change.keepalive_s
    return request


class KernelWireGuard:
    """Makes WireGuard interfaces in the kernel; see edge.wireguard.model.WireGuard.

    write carries out changes.
    """

    def __init__(self, write: Write = by_netlink) -> None:
        self._write = write
        self._learned = RememberedEndpoints()

    def ensure(self, tunnel: Tunnel, private_key: bytes) -> tuple[str, ...]:
        """Make an interface what it should be and return, in words, what had to be done."""
        name = tunnel.name
        done = self.made(name)
        with _netlink(name) as device:
            now = _read(device, name)
            self._learned.note(name, now)
            changes = diff_device(now, self._learned.filled(tunnel, now), private_key)
            if words := changes.words(name):
                self._write(device, name, changes)
        return (*done, *words, *link_setup.adapt_interface(tunnel))

    def state(self, name: str) -> TunnelState | None:
        """Return an interface as it is; None when it does not exist or nobody serves it."""
        found = link_setup.find_interface(name)
        if found is None or found.kind != link_setup.WIREGUARD:
            return None
        with _netlink(name) as device:
            now = _read(device, name)
        self._learned.note(name, now)
        return now.state(index=found.index, mtu=found.mtu)

    def made(self, name: str) -> tuple[str, ...]:
        """Make an interface unless it is there, and return what had to be done."""
        found = link_setup.find_interface(name)
        if found and found.kind == link_setup.WIREGUARD:
            return ()
        left = link_setup.clear_interface(name)
        link_setup.create_wireguard(name)
        return (*left, f"{name}: made the interface")

    def remove(self, name: str) -> None:
        """Take an interface and whatever serves it away; nothing happens if it is not there."""
        self._learned.forget(name)
        link_setup.clear_interface(name)


@contextmanager
def _netlink(name: str) -> Iterator[Netlink]:
    try:
        with Netlink() as device:
            yield device
    except NetlinkError as error:
        raise link_setup.tunnel_error(name, error) from error


def _read(device: Netlink, name: str) -> Served:
    messages: Sequence[Message] = list(device.info(name))
    secret = messages[0].get_attr("WGDEVICE_A_PRIVATE_KEY")
    return Served(
        private_key=base64.b64decode(secret) if secret else None,
        listen_port=messages[0].get_attr("WGDEVICE_A_LISTEN_PORT") or 0,
        mark=messages[0].get_attr("WGDEVICE_A_FWMARK") or 0,
        peers=_peers(messages),
    )


def _peers(messages: Sequence[Message]) -> dict[PublicKey, ServedPeer]:
    """Return the peers of a dump; one with many prefixes goes on in the next message."""
    peers: dict[PublicKey, ServedPeer] = {}
    for message in messages:
        for answer in message.get_attr("WGDEVICE_A_PEERS") or ():
            key = answer.get_attr("WGPEER_A_PUBLIC_KEY").decode("ascii")
            peers[key] = _merged(peers.get(key), answer)
    return peers


def _merged(before: ServedPeer | None, answer: Message) -> ServedPeer:
    allowed = _allowed(answer)
    if before:
        return replace(before, allowed=before.allowed | allowed)
    time = answer.get_attr(HANDSHAKE) or {"tv_sec": 0, "tv_nsec": 0}
    state = PeerStatus(
        endpoint=_endpoint(answer.get_attr("WGPEER_A_ENDPOINT")),
        handshake_at_s=time["tv_sec"] + time["tv_nsec"] / 1e9,
        received_octets=answer.get_attr("WGPEER_A_RX_BYTES") or 0,
        sent_octets=answer.get_attr("WGPEER_A_TX_BYTES") or 0,
    )
    preshared = base64.b64decode(answer.get_attr(PRESHARED) or b"") or NO_PRESHARED_KEY
    return ServedPeer(state, allowed, answer.get_attr(KEEPALIVE) or 0, preshared)


def _allowed(answer: Message) -> frozenset[Prefix]:
    prefixes = answer.get_attr("WGPEER_A_ALLOWEDIPS") or ()
    return frozenset(ip_network(prefix["addr"]) for prefix in prefixes)


def _endpoint(answer: Message | None) -> TunnelEndpoint | None:
    """Return an IPv4 endpoint; None for none, and for one over IPv6, which no policy has."""
    if answer is None or ":" in answer["addr"]:
        return None
    return TunnelEndpoint(IPv4Address(answer["addr"]), answer["port"])
