"""The kernel's routes and rules of ours: read, and changed in one exchange.

Sources: linux/rtnetlink.h, linux/fib_rules.h.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from edge.forwarding.marks import PROTOCOL
from edge.forwarding.netlink import (
    CREATE,
    EXCLUSIVE,
    REPLACE,
    Netlink,
    Request,
    attribute,
    attributes,
    netlink_error,
    number_attribute,
    number_of,
)
from edge.forwarding.routes import NextHop, RouteKey, Routes, RoutingRule

NEW_ROUTE, DEL_ROUTE, GET_ROUTE = 24, 25, 26
NEW_RULE, DEL_RULE, GET_RULE = 32, 33, 34
ROUTE_HEADER: Final = struct.Struct("=BBBBBBBBI")
RULE_HEADER: Final = struct.Struct("=BBBBBBBBI")
DST, OIF, GATEWAY, PRIORITY, PREFSRC, TABLE = 1, 4, 5, 6, 7, 15
RULE_PRIORITY, RULE_MARK, RULE_TABLE, RULE_PROTOCOL = 6, 10, 15, 21
UNICAST, UNREACHABLE, THROW = 1, 7, 9
UNIVERSE, LINK, NOWHERE = 0, 253, 255
ON_LINK: Final = 4
TO_TABLE: Final = 1
FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
OCTETS: Final[dict[int, int]] = {socket.AF_INET: 4, socket.AF_INET6: 16}
FAMILY_OF_LENGTH: Final = {octets: family for family, octets in OCTETS.items()}
VERSIONS: Final = {family: version for version, family in FAMILIES.items()}
# What the kernel says of a route out of an interface that is gone or down, and of a lack thereof.
WAITING: Final = frozenset({errno.ENODEV, errno.ENETDOWN, errno.ENETUNREACH, errno.EINVAL})
GONE: Final = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV})

Indexes: TypeAlias = Mapping[str, int]
# A route as the kernel has it: type, interface's index, gateway, preferred source.
Placed: TypeAlias = tuple[int, int, bytes, bytes]


def kernel_route(hop: NextHop, indexes: Indexes) -> Placed | None:
    """Return a next hop as the kernel has it; None while its device is not there."""
    if hop.device is None:
        return (THROW if hop.throw else UNREACHABLE, 0, b"", b"")
    if hop.device not in indexes:
        return None
    return (UNICAST, indexes[hop.device], _packed(hop.gateway), _packed(hop.source))


def kernel_routes(routes: Routes, indexes: Indexes) -> dict[RouteKey, Placed]:
    """Return routes as the kernel should have them, without those whose device is not there."""
    made = ((key, kernel_route(hop, indexes)) for key, hop in routes.items())
    return {key: there for key, there in made if there is not None}


def read_routes(kernel: Netlink) -> dict[RouteKey, Placed]:
    """Return every route of ours that the kernel has."""
    found: dict[RouteKey, Placed] = {}
    for family in VERSIONS:
        body = ROUTE_HEADER.pack(family, 0, 0, 0, 0, PROTOCOL, 0, 0, 0)
        for answer in kernel.dump(Request(GET_ROUTE, 0, body)):
            # A kernel without IPv6 answers with IPv4 instead.
            if (read := _route(answer.body)) and answer.body[0] == family:
                found[read[0]] = read[1]
    return found


def read_rules(kernel: Netlink) -> list[RoutingRule]:
    """Return every rule of ours that the kernel has."""
    found = list[RoutingRule]()
    for family in VERSIONS:
        body = RULE_HEADER.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
        answers = kernel.dump(Request(GET_RULE, 0, body))
        read = (_rule(answer.body) for answer in answers if answer.body[0] == family)
        found += [rule for rule in read if rule]
    return found


def change_routes(
    kernel: Netlink, have: Mapping[RouteKey, Placed], want: Mapping[RouteKey, Placed]
) -> tuple[tuple[RouteKey, ...], tuple[RouteKey, ...]]:
    """Make routes what is wanted in one exchange and return which were put and taken away.

    Those that are new or differ are put first, so that nothing is without a route in between.
    Routes out of an interface that vanishes meanwhile are left for later. Raises EdgeError.
    """
    put = tuple(key for key, there in want.items() if have.get(key) != there)
    take = tuple(key for key in have if key not in want)
    requests = [*(_put(key, want[key]) for key in put), *(_take(key, have[key]) for key in take)]
    errors = kernel.batch(requests)
    _check(errors[: len(put)], put, WAITING)
    _check(errors[len(put) :], take, GONE)
    done = tuple(key for key, code in zip(put, errors, strict=False) if code == 0)
    return done, take


def change_rules(
    kernel: Netlink, have: Sequence[RoutingRule], want: Sequence[RoutingRule]
) -> tuple[tuple[RoutingRule, ...], tuple[RoutingRule, ...]]:
    """Make rules what is wanted and return which were added and taken away. Raises EdgeError."""
    add = tuple(rule for rule in want if rule not in have)
    # What we do not want, and doubles of what we do.
    left = [rule for place, rule in enumerate(have) if rule not in want or rule in have[:place]]
    adding = [Request(NEW_RULE, CREATE | EXCLUSIVE, _rule_body(rule)) for rule in add]
    taking = [Request(DEL_RULE, 0, _rule_body(rule)) for rule in left]
    errors = kernel.batch([*adding, *taking])
    _check(errors[: len(add)], add, frozenset({errno.EEXIST}))
    _check(errors[len(add) :], left, GONE)
    return add, tuple(left)


def _check(errors: Iterable[int], what: Iterable[object], harmless: frozenset[int]) -> None:
    for code, thing in zip(errors, what, strict=True):
        if code and code not in harmless:
            raise netlink_error(str(thing), code)


def _put(key: RouteKey, there: Placed) -> Request:
    return Request(NEW_ROUTE, CREATE | REPLACE, _route_body(key, there))


def _take(key: RouteKey, there: Placed) -> Request:
    return Request(DEL_ROUTE, 0, _route_body(key, there))


def _route_body(key: RouteKey, there: Placed) -> bytes:
    kind, index, gateway, source = there
    family = FAMILY_OF_LENGTH[len(key.address)]
    scope = NOWHERE if kind == THROW else LINK if kind == UNICAST and not gateway else UNIVERSE
    flags = ON_LINK if gateway else 0
    header = ROUTE_HEADER.pack(
        family, key.length, 0, 0, 0, PROTOCOL, scope if family == socket.AF_INET else 0, kind, flags
    )
    parts = [header, number_attribute(TABLE, key.table), number_attribute(PRIORITY, key.metric)]
    if key.length:
        parts.append(attribute(DST, key.address))
    parts += [number_attribute(OIF, index)] if index else []
    parts += [attribute(kind, value) for kind, value in ((GATEWAY, gateway), (PREFSRC, source))
              if value]  # fmt: skip
    return b"".join(parts)


def _route(body: bytes) -> tuple[RouteKey, Placed] | None:
    family, length, _, _, table, protocol, _, kind, _ = ROUTE_HEADER.unpack_from(body)
    if protocol != PROTOCOL or family not in VERSIONS:
        return None
    found = attributes(body, ROUTE_HEADER.size)
    address = found.get(DST, bytes(OCTETS[family]))
    key = RouteKey(number_of(found, TABLE, table), address, length, number_of(found, PRIORITY))
    # IPv6 names the loopback interface in routes that lead nowhere.
    index = number_of(found, OIF) if kind == UNICAST else 0
    return key, (kind, index, found.get(GATEWAY, b""), found.get(PREFSRC, b""))


def _rule_body(rule: RoutingRule) -> bytes:
    header = RULE_HEADER.pack(FAMILIES[rule.version], 0, 0, 0, 0, 0, 0, TO_TABLE, 0)
    mark = number_attribute(RULE_MARK, rule.mark) if rule.mark is not None else b""
    own = attribute(RULE_PROTOCOL, bytes([PROTOCOL]))
    return b"".join(
        (
            header,
            number_attribute(RULE_PRIORITY, rule.priority),
            number_attribute(RULE_TABLE, rule.table),
            mark,
            own,
        )
    )


def _rule(body: bytes) -> RoutingRule | None:
    family, _, _, _, table, _, _, _, _ = RULE_HEADER.unpack_from(body)
    found = attributes(body, RULE_HEADER.size)
    if found.get(RULE_PROTOCOL) != bytes([PROTOCOL]) or family not in VERSIONS:
        return None
    mark = number_of(found, RULE_MARK) if RULE_MARK in found else None
    table = number_of(found, RULE_TABLE, table)
    return RoutingRule(VERSIONS[family], number_of(found, RULE_PRIORITY), table, mark)


def _packed(address: IPv4Address | None) -> bytes:
    return b"" if address is None else address.packed


def change_words(put: Sequence[object], taken: Sequence[object], what: str) -> Iterator[str]:
    """Yield in words what was changed."""
    if put:
        yield f"put {len(put)} {what}"
    if taken:
        yield f"took away {len(taken)} {what}"
