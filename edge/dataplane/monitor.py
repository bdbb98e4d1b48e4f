"""Monitor of the kernel (rtnetlink, nftables): reports changes without reading everything."""

import socket
import struct
from collections.abc import Set
from typing import Final

from edge.forwarding import links
from edge.forwarding.marks import PROTOCOL
from edge.forwarding.netlink import Netlink, NetlinkAnswer, Request, attributes
from edge.forwarding.route_tables import DEL_ROUTE, NEW_ROUTE
from inventory.errors import EdgeError

# linux/rtnetlink.h: links, tc, IPv4 addresses, routes and rules of both versions.
GROUPS: Final = (1, 4, 5, 7, 8, 11, 19)
PROTOCOL_AT: Final = 5
LINKS: Final = 1


class KernelMonitor:
    """Listens to the kernel in the network namespace in which it was made.

    own are the ports of the sockets by which we change routes ourselves.
    """

    def __init__(self, own: Set[int]) -> None:
        self._own = own
        self._news = Netlink(groups=GROUPS)
        self._generations = RulesetGeneration()
        self._generation = -1

    def links_or_routes(self) -> bool:
        """Return whether interfaces, addresses, queues, rules or routes of ours changed."""
        try:
            # All of it is read, so that nothing old is left for the next time.
            mattering = [self._matters(answer) for answer in self._news.news()]
        except OSError:
            # There was more than the socket holds.
            return True
        return any(mattering)

    def tables(self) -> bool:
        """Return whether any nft table changed since this was last asked."""
        now = self._generations.now()
        changed, self._generation = now != self._generation, now
        return changed

    def close(self) -> None:
        """Give the sockets back."""
        self._news.close()
        self._generations.close()

    def _matters(self, answer: NetlinkAnswer) -> bool:
        if answer.kind not in {NEW_ROUTE, DEL_ROUTE}:
            return True
        (protocol,) = struct.unpack_from("=B", answer.body, PROTOCOL_AT)
        return bool(protocol == PROTOCOL) and answer.port not in self._own


class LinkDownMonitor:
    """Reports at once that interfaces of ours vanish: wait for the descriptor, call lost()."""

    def __init__(self) -> None:
        self._news = Netlink(groups=(LINKS,))

    def fileno(self) -> int:
        """Return what becomes readable when there is news."""
        return self._news.fileno()

    def lost(self) -> bool:
        """Return whether an interface of ours has vanished since this was last asked."""
        try:
            gone = [a for a in self._news.news() if a.kind == links.DEL_LINK]
        except OSError:
            # There was more than the socket holds.
            return True
        return any(links.parse_link(answer).ours for answer in gone)

    def close(self) -> None:
        """Give the socket back."""
        self._news.close()


# linux/netfilter/nf_tables.h: subsystem 10, message 16, attribute 1.
GET_GENERATION: Final = (10 << 8) | 16
GENERATION: Final = 1
NETLINK_NETFILTER: Final = 12
FAMILY_HEADER: Final = struct.Struct("=BBH")


class RulesetGeneration:
    """Reports cheaply whether anybody changed any nft table of this network namespace."""

    def __init__(self) -> None:
        self._kernel = Netlink(NETLINK_NETFILTER)

    def now(self) -> int:
        """Return a number that every change makes another one."""
        header = FAMILY_HEADER.pack(socket.AF_UNSPEC, 0, 0)
        answer = self._kernel.get(Request(GET_GENERATION, 0, header))
        if answer is None:
            raise EdgeError("the kernel has no nftables; load its module nf_tables")
        found = attributes(answer.body, FAMILY_HEADER.size)
        return int.from_bytes(found[GENERATION], "big")

    def close(self) -> None:
        """Give the socket back."""
        self._kernel.close()
