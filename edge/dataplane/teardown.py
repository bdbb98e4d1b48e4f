"""Takes everything of ours out of the kernel, also without any record of what was put there."""

from collections.abc import Callable, Iterable, Iterator

from edge.dataplane import sysctls
from edge.dataplane.interfaces import discard_interface
from edge.dataplane.sysctls import Undo
from edge.forwarding import links, route_tables, tc
from edge.forwarding.netlink import Netlink
from edge.nftables import nft
from edge.wireguard.model import WireGuard
from inventory.errors import EdgeError
from vpn.grants.packet_filter import TABLE


def remove_everything(
    wireguard: WireGuard, *, names: Iterable[str] = (), undo: Undo | None = None
) -> tuple[str, ...]:
    """Take away whatever carries our marks, and restore settings; say what was done.

    names are those of tunnels by the policy, for one that had no time to be marked. Does all that
    can be done before it raises EdgeError about the rest. What is not ours stays as it is.
    """
    known = frozenset(names)
    with Netlink() as kernel:
        steps: tuple[Callable[[], Iterable[str]], ...] = (
            lambda: _rules(kernel),
            lambda: _routes(kernel),
            _tables,
            lambda: _queues(kernel),
            lambda: _interfaces(kernel, wireguard, known),
            lambda: _people(known),
            lambda: _addresses(kernel),
            lambda: sysctls.restore_sysctls(undo or Undo()),
        )
        done, faults = list[str](), list[EdgeError]()
        for step in steps:
            try:
                done += step()
            except EdgeError as error:
                faults.append(error)
    if faults:
        raise EdgeError("; ".join(map(str, faults))) from faults[0]
    return tuple(done)


def _rules(kernel: Netlink) -> Iterator[str]:
    yield from route_tables.change_words(
        *route_tables.change_rules(kernel, route_tables.read_rules(kernel), ()), "rules"
    )


def _routes(kernel: Netlink) -> Iterator[str]:
    yield from route_tables.change_words(
        *route_tables.change_routes(kernel, route_tables.read_routes(kernel), {}), "routes"
    )


def _tables() -> Iterator[str]:
    if families := nft.table_families():
        nft.load_ruleset(nft.delete_tables(families))
        yield f"took away nft tables of {', '.join(families)}"


def _people(names: frozenset[str]) -> Iterator[str]:
    """Take people's packet filter away, if it is that of an interface of ours."""
    table = nft.table_text("inet", TABLE)
    if any(f'"{name}"' in table for name in names):
        nft.load_ruleset(f"delete table inet {TABLE}\n")
        yield "took away people's packet filter"


def _queues(kernel: Netlink) -> Iterator[str]:
    roots = tc.read_roots(kernel)
    for link in links.list_interfaces(kernel).values():
        if tc.is_our_queue(roots.get(link.index)):
            tc.take_away(kernel, link)
            yield f"took the queue of {link.name} away"


def _interfaces(kernel: Netlink, wireguard: WireGuard, names: frozenset[str]) -> Iterator[str]:
    for link in links.list_interfaces(kernel).values():
        if link.ours or link.name in names:
            discard_interface(kernel, wireguard, link)
            yield f"took {link.name} away"


def _addresses(kernel: Netlink) -> Iterator[str]:
    for address, index in links.our_addresses(kernel).items():
        links.remove_address(kernel, address, index)
        yield f"removed the address {address}"
