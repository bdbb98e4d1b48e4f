"""Interfaces of a router as its running configuration has them: addresses, shut down or not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

# Descriptions are read as the controller writes them: 'CIRCUIT to DEVICE', 'DEVICE over CIRCUIT'.
_LINE: Final = re.compile(
    r"^(?:(?:interface[ \t]+(\S+)|[^\s!#]).*"
    r"|[ \t]+(?:(ip(?:v6)?)[ \t]+address[ \t]+(\S.*)|(shutdown)[ \t]*|description \S+ to ([\w-]+).*"
    r"|neighbor[ \t]+(\S+)[ \t]+(?:(shutdown)(?! rtt)\b.*|description ([\w-]+) over .*)))$",
    re.MULTILINE,
)


@dataclass(slots=True)
class RunningInterface:
    """What a configuration says of one interface; ipv6 are its addresses as they are written.

    unclear: it has an address in a form that is not understood, so it may carry anything. leads_to
    is the device at the far end by its description.
    """

    ipv4: list[IPv4Address] = field(default_factory=list)
    ipv6: list[str] = field(default_factory=list)
    shut: bool = False
    unclear: bool = False
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class RunningState:
    """Interfaces by name, BGP neighbours that are shut down, and what neighbours are called."""

    interfaces: Mapping[str, RunningInterface]
    shut_neighbours: frozenset[str]
    called: Mapping[str, str]


def read_interfaces(text: str) -> RunningState:
    """Return what a configuration of indented lines says of interfaces and neighbours."""
    interfaces: dict[str, RunningInterface] = {}
    shut: set[str] = set()
    called: dict[str, str] = {}
    here = RunningInterface()
    for match in _LINE.finditer(text):
        name, family, address, down, far, peer, silent, title = match.groups()
        if family:
            _add(here, family, address)
        elif down:
            here.shut = True
        elif far:
            here.leads_to = far
        elif peer and silent:
            shut.add(peer)
        elif peer:
            called[peer] = title
        else:
            here = interfaces.setdefault(name, RunningInterface()) if name else RunningInterface()
    return RunningState(interfaces, frozenset(shut), called)


def _add(interface: RunningInterface, family: str, text: str) -> None:
    if family == "ipv6":
        interface.ipv6.append(text.split(maxsplit=1)[0])
        return
    try:
        # FRR writes ADDRESS/LENGTH, IOS ADDRESS MASK.
        interface.ipv4.append(IPv4Address(text.split(maxsplit=1)[0].partition("/")[0]))
    except ValueError:
        interface.unclear = True
