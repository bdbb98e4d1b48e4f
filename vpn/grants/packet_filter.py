"""What a gateway's packet filter is told of people: a table of nftables' own words.

WireGuard lets a far end send from its own addresses only, so a source address says who it is; from
anywhere but their interface nobody has such an address. Whatever comes from people and no grant
opens is dropped, packet by packet, so that what is withdrawn ends at once; and nobody opens a
connection to them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from inventory.addressing import Prefix
from inventory.errors import AccessError
from inventory.model import Ports
from vpn.model import Address, GroupName

_INTERFACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
Family: TypeAlias = Literal[4, 6]

TABLE: Final = "sanaga_people"
# Before the filters of others, which may still drop what is let through here.
PRIORITY: Final = -10
AFTER: Final = 10
# Who sends sound or picture of a consultation is in it for so long after each packet.
CALLING_S: Final = 10
_KINDS: Final[Mapping[Family, tuple[str, str]]] = {
    4: ("ip", "ipv4_addr"),
    6: ("ip6", "ipv6_addr"),
}


@dataclass(frozen=True, slots=True)
class FilterOpening:
    """What a group reaches on some ports; no ports are all of them."""

    group: GroupName
    ports: tuple[Ports, ...]
    prefixes: tuple[Prefix, ...]


def checked_interface(name: str) -> str:
    """Return an interface's name that may stand in the table. Raises AccessError."""
    if _INTERFACE.fullmatch(name):
        return name
    raise AccessError(
        f"{name!r} is no name of an interface; use letters, digits and . _ -, at most 15, such as "
        "people0"
    )


def render_filter(
    interface: str,
    blocks: Sequence[Prefix],
    opened: Sequence[FilterOpening],
    sources: Mapping[GroupName, Sequence[Address]],
) -> str:
    """Return the table for a host on whose interface people arrive, as `nft -f` reads it.

    blocks are the addresses that people have there.

    It replaces an earlier one of its name at once, and leaves all other tables alone.
    """
    numbered = list(enumerate(opened))
    lines = [
        f"table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        *(line for group in sorted(sources) for line in _sources(group, sources[group])),
        *(line for number, one in numbered for line in _targets(number, one.prefixes)),
        *(_calling(family) for family in _KINDS),
        "  chain granted {",
        "    ct state related accept",
        *(f"    {rule}" for number, one in numbered for rule in _rules(number, one, sources)),
        "    counter drop",
        "  }",
        "  chain forward {",
        f"    type filter hook forward priority {PRIORITY}; policy accept;",
        *_forged(f'iifname != "{interface}"', blocks),
        f'    iifname "{interface}" goto granted',
        f'    oifname "{interface}" ct state established,related accept',
        f'    oifname "{interface}" counter drop',
        "  }",
        # What gets here was let through.
        "  chain calls {",
        f"    type filter hook forward priority {AFTER}; policy accept;",
        *(f'    iifname "{interface}" {_noticed(family)}' for family in _KINDS),
        "  }",
        "  chain input {",
        f"    type filter hook input priority {PRIORITY}; policy accept;",
        *_forged(f'iifname != {{ "{interface}", "lo" }}', blocks),
        f'    iifname "{interface}" ct state related accept',
        f'    iifname "{interface}" meta l4proto {{ icmp, ipv6-icmp }} accept',
        f'    iifname "{interface}" meta l4proto {{ tcp, udp }} th dport 53 accept',
        f'    iifname "{interface}" counter drop',
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _forged(elsewhere: str, blocks: Sequence[Prefix]) -> Iterator[str]:
    """Yield the rules that drop what says it is from people and comes from elsewhere (BCP 38)."""
    for block in blocks:
        word, _ = _KINDS[4 if block.version == 4 else 6]
        yield f"    {elsewhere} {word} saddr {block} counter drop"


def _sources(group: GroupName, addresses: Sequence[Address]) -> Iterator[str]:
    for family in _KINDS:
        own = [str(a) for a in addresses if a.version == family]
        yield from _set(_group_set(group, family), family, own, "")


def _targets(number: int, prefixes: Sequence[Prefix]) -> Iterator[str]:
    for family in _KINDS:
        own = [str(p) for p in prefixes if p.version == family]
        yield from _set(f"to_{number}_{family}", family, own, "flags interval; auto-merge; ")


def _set(name: str, family: Family, elements: Sequence[str], flags: str) -> Iterator[str]:
    held = f"elements = {{ {', '.join(elements)} }} " if elements else ""
    yield f"  set {name} {{ type {_KINDS[family][1]}; {flags}{held}}}"


def calling_set(family: Family) -> str:
    """Return the name of the set with the addresses of those who are in a consultation."""
    return f"calling_{family}"


def _calling(family: Family) -> str:
    timeout = f"flags dynamic,timeout; timeout {CALLING_S}s"
    return f"  set {calling_set(family)} {{ type {_KINDS[family][1]}; size 65535; {timeout}; }}"


def _noticed(family: Family) -> str:
    """Return the rule that notices packets of consultations (RFC 3246, RFC 2597)."""
    word = _KINDS[family][0]
    return f"{word} dscp {{ ef, af41 }} update @{calling_set(family)} {{ {word} saddr }}"


def _group_set(group: GroupName, family: Family) -> str:
    # Names have no underscore, so no two become one.
    return f"from_{group.replace('-', '_')}_{family}"


def _rules(
    number: int, one: FilterOpening, sources: Mapping[GroupName, Sequence[Address]]
) -> Iterator[str]:
    if one.group not in sources:
        return
    for family, (word, _) in _KINDS.items():
        group = _group_set(one.group, family)
        between = f"{word} saddr @{group} {word} daddr @to_{number}_{family}"
        for protocol in _protocols(one.ports):
            yield f"{between} {protocol}counter accept"


def _protocols(ports: Sequence[Ports]) -> Iterator[str]:
    """Yield the match of each protocol's ports; nothing to match when all are open."""
    if not ports:
        yield ""
    for protocol in sorted({one.protocol for one in ports}):
        numbers = ", ".join(str(one).partition("/")[2] for one in ports if one.protocol == protocol)
        yield f"{protocol} dport {{ {numbers} }} "
