"""Requests to wireguard-go and its answers (its cross-platform UAPI), as text.

This is WireGuard's cross-platform configuration protocol, version 1: lines KEY=VALUE, ended by an
empty one. Keys are hexadecimal here and base64 everywhere else.
"""

import base64
import os
from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, ip_network
from typing import Final, TypeAlias

from edge.policy.model import TunnelEndpoint
from edge.wireguard.diff import Changes, PeerChange, Served, ServedPeer
from edge.wireguard.model import NO_PRESHARED_KEY, PeerStatus

Field: TypeAlias = tuple[str, str]

GET: Final = "get=1\n\n"
END: Final = "\n\n"


def set_text(changes: Changes) -> str:
    """Return the request that makes changes; it holds keys when they change."""
    lines = (f"{key}={value}\n" for key, value in _fields(changes))
    return f"set=1\n{''.join(lines)}\n"


def accepted_fields(answer: str) -> list[Field]:
    """Return the fields of an answer to a request, without its verdict.

    Raises ValueError when it is cut short or says that the request was refused.
    """
    fields = [_field(line) for line in answer.removesuffix(END).splitlines()]
    if not answer.endswith(END) or not fields or fields[-1][0] != "errno":
        raise ValueError("the answer is cut short")
    if code := abs(int(fields[-1][1])):
        raise ValueError(f"the request was refused: {os.strerror(code)}")
    return fields[:-1]


def parse_device(answer: str) -> Served:
    """Return the device that an answer to GET describes.

    Raises ValueError when the answer cannot be understood or is an error.
    """
    blocks = _blocks(accepted_fields(answer))
    device = dict(blocks[0])
    secret = device.get("private_key")
    return Served(
        private_key=bytes.fromhex(secret) if secret else None,
        listen_port=int(device.get("listen_port", "0")),
        mark=int(device.get("fwmark", "0")),
        peers={_base64(block[0][1]): _peer(block) for block in blocks[1:]},
    )


def _fields(changes: Changes) -> Iterator[Field]:
    if changes.private_key is not None:
        yield "private_key", changes.private_key.hex()
    if changes.mark is not None:
        yield "fwmark", str(changes.mark)
    if changes.listen_port is not None:
        yield "listen_port", str(changes.listen_port)
    for peer in changes.peers:
        yield from _peer_fields(peer)


def _peer_fields(change: PeerChange) -> Iterator[Field]:
    yield "public_key", base64.b64decode(change.public_key).hex()
    if change.remove:
        yield "remove", "true"
        return
    if not change.create:
        yield "update_only", "true"
    if change.preshared_key is not None:
        yield "preshared_key", change.preshared_key.hex()
    if change.endpoint:
        yield "endpoint", f"{change.endpoint.address}:{change.endpoint.port}"
    if change.keepalive_s is not None:
        yield "persistent_keepalive_interval", str(change.keepalive_s)
    if change.replace_allowed:
        yield "replace_allowed_ips", "true"
    for prefix in change.allowed:
        yield "allowed_ip", str(prefix)


def _field(line: str) -> Field:
    key, equals, value = line.partition("=")
    if not equals:
        raise ValueError("the answer has a line that is no KEY=VALUE")
    return key, value


def _blocks(fields: Iterable[Field]) -> list[list[Field]]:
    """Split fields into the device's, then one list per peer, which begins with its key."""
    blocks: list[list[Field]] = [[]]
    for field in fields:
        if field[0] == "public_key":
            blocks.append([])
        blocks[-1].append(field)
    return blocks


def _peer(block: list[Field]) -> ServedPeer:
    values = dict(block)
    return ServedPeer(
        state=PeerStatus(
            endpoint=_endpoint(values.get("endpoint", "")),
            handshake_at_s=int(values.get("last_handshake_time_sec", "0"))
            + int(values.get("last_handshake_time_nsec", "0")) / 1e9,
            received_octets=int(values.get("rx_bytes", "0")),
            sent_octets=int(values.get("tx_bytes", "0")),
        ),
        allowed=frozenset(ip_network(value) for key, value in block if key == "allowed_ip"),
        keepalive_s=int(values.get("persistent_keepalive_interval", "0")),
        preshared_key=bytes.fromhex(values.get("preshared_key", "")) or NO_PRESHARED_KEY,
    )


def _endpoint(text: str) -> TunnelEndpoint | None:
    """Return an IPv4 endpoint; None for none, and for one over IPv6, which no policy has."""
    address, _, port = text.rpartition(":")
    try:
        return TunnelEndpoint(IPv4Address(address), int(port))
    except AddressValueError:
        return None


def _base64(key: str) -> str:
    return base64.b64encode(bytes.fromhex(key)).decode("ascii")
