"""Interfaces and addresses, as far as they carry our mark or are looked up by name.

Sources: linux/if_link.h, linux/if_addr.h.
"""

import errno
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from edge.forwarding.marks import ALIAS, PROTOCOL
from edge.forwarding.netlink import (
    CREATE,
    EXCLUSIVE,
    Netlink,
    NetlinkAnswer,
    Request,
    attribute,
    attributes,
    nested_attribute,
    netlink_error,
    number_of,
    text_attribute,
    text_of,
)

NEW_LINK, DEL_LINK, GET_LINK = 16, 17, 18
NEW_ADDRESS, DEL_ADDRESS, GET_ADDRESS = 20, 21, 22
LINK_HEADER: Final = struct.Struct("=BxHiII")
ADDRESS_HEADER: Final = struct.Struct("=BBBBI")
IF_NAME, IF_MTU, IF_LINKINFO, IF_ALIAS, IF_STATS = 3, 4, 18, 20, 23
INFO_KIND: Final = 1
A_LOCAL, A_PROTOCOL = 2, 11
UP: Final = 1
STATS: Final = struct.Struct("=QQ")
IFB: Final = "ifb"
LOOPBACK: Final = "lo"


@dataclass(frozen=True, slots=True)
class KernelInterface:
    """An interface; kind is the kernel's word for what it is, empty for hardware."""

    name: str
    index: int
    kind: str
    mtu: int
    ours: bool
    up: bool
    packets: int


def list_interfaces(kernel: Netlink) -> dict[str, KernelInterface]:
    """Return every interface by name."""
    request = Request(GET_LINK, 0, LINK_HEADER.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
    found = (parse_link(answer) for answer in kernel.dump(request))
    return {link.name: link for link in found}


def find_interface(kernel: Netlink, name: str) -> KernelInterface | None:
    """Return one interface; None if there is no such interface."""
    header = LINK_HEADER.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    answer = kernel.get(Request(GET_LINK, 0, header + text_attribute(IF_NAME, name)))
    return None if answer is None else parse_link(answer)


def parse_link(answer: NetlinkAnswer) -> KernelInterface:
    """Return the interface that an answer of the kernel describes."""
    _, _, index, flags, _ = LINK_HEADER.unpack_from(answer.body)
    found = attributes(answer.body, LINK_HEADER.size)
    kind = text_of(attributes(found.get(IF_LINKINFO, b"")), INFO_KIND)
    received, sent = STATS.unpack_from(found.get(IF_STATS, bytes(STATS.size)))
    ours = text_of(found, IF_ALIAS) == ALIAS
    mtu, up = number_of(found, IF_MTU), bool(flags & UP)
    return KernelInterface(
        text_of(found, IF_NAME), index, kind, mtu, ours, up, int(received + sent)
    )


def claim_interface(kernel: Netlink, link: KernelInterface) -> None:
    """Mark an interface as ours, so that it is known without any record."""
    header = LINK_HEADER.pack(socket.AF_UNSPEC, 0, link.index, 0, 0)
    body = header + attribute(IF_ALIAS, ALIAS.encode())
    _do(kernel, Request(NEW_LINK, 0, body), f"to mark {link.name}")


def add_ifb(kernel: Netlink, name: str) -> None:
    """Make an interface through which arrivals are queued, ours and up. Raises EdgeError."""
    header = LINK_HEADER.pack(socket.AF_UNSPEC, 0, 0, UP, UP)
    kind = nested_attribute(IF_LINKINFO, text_attribute(INFO_KIND, IFB))
    request = Request(NEW_LINK, CREATE | EXCLUSIVE, header + text_attribute(IF_NAME, name) + kind)
    _do(kernel, request, f"an interface {name} of kind {IFB}")
    # The kernel takes no alias for an interface in the making.
    if made := find_interface(kernel, name):
        claim_interface(kernel, made)


def remove_link(kernel: Netlink, link: KernelInterface) -> None:
    """Take an interface away; nothing happens when it has gone."""
    body = LINK_HEADER.pack(socket.AF_UNSPEC, 0, link.index, 0, 0)
    _do(kernel, Request(DEL_LINK, 0, body), f"to take {link.name} away", errno.ENODEV)


def our_addresses(kernel: Netlink) -> dict[IPv4Address, int]:
    """Return the IPv4 addresses that carry our mark, with their interfaces' indexes."""
    body = ADDRESS_HEADER.pack(socket.AF_INET, 0, 0, 0, 0)
    found = {}
    for answer in kernel.dump(Request(GET_ADDRESS, 0, body)):
        index = ADDRESS_HEADER.unpack_from(answer.body)[4]
        parts = attributes(answer.body, ADDRESS_HEADER.size)
        if parts.get(A_PROTOCOL) == bytes([PROTOCOL]):
            found[IPv4Address(parts[A_LOCAL])] = index
    return found


def add_address(kernel: Netlink, address: IPv4Address, index: int) -> bool:
    """Give an interface a host address; False when it has it already from elsewhere."""
    return _address(kernel, Request(NEW_ADDRESS, CREATE | EXCLUSIVE, _host(address, index)))


def remove_address(kernel: Netlink, address: IPv4Address, index: int) -> bool:
    """Take a host address away; False when it has gone."""
    return _address(kernel, Request(DEL_ADDRESS, 0, _host(address, index)))


def _host(address: IPv4Address, index: int) -> bytes:
    header = ADDRESS_HEADER.pack(socket.AF_INET, 32, 0, 0, index)
    own = attribute(A_PROTOCOL, bytes([PROTOCOL]))
    return header + attribute(A_LOCAL, address.packed) + own


def _address(kernel: Netlink, request: Request) -> bool:
    (code,) = kernel.batch([request])
    if code not in {0, errno.EEXIST, errno.EADDRNOTAVAIL}:
        raise netlink_error("an address", code)
    return code == 0


def _do(kernel: Netlink, request: Request, what: str, harmless: int = 0) -> None:
    (code,) = kernel.batch([request])
    if code not in {0, harmless}:
        raise netlink_error(what, code)
