"""The text of a configuration: what two equal ones share, its packet filter, and differences."""

from __future__ import annotations

import re
from collections.abc import Sequence

TOLD = 3
FILTER = "packet-filter"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# The last two are settings of the vtysh that shows the configuration, not of the router.
_VOLATILE = re.compile(
    r"(Building configuration\.\.\.|Current configuration:|frr version .*|end"
    r"|hostname .*|(no )?service integrated-vtysh-config)?"
)
_ROUTE_MAP = re.compile(r"route-map (\S+) (?:permit|deny) ([0-9]+)\n")
_ROUTE = re.compile(r"ip(v6)? route ([0-9a-f.:]+)/([0-9]+) ")
_COMPLAINT = re.compile(r"% .*|.*: % .*|.*line [0-9]+: .*|.*failed to (?:remove|process).*")


def body(text: str) -> str:
    """Return a running configuration without the lines that change by themselves."""
    lines = (line.rstrip() for line in text.split("\n"))
    kept = [line for line in lines if not _VOLATILE.fullmatch(line)]
    while kept and kept[0] == "!":
        del kept[0]
    return "".join(f"{line}\n" for line in kept)


def canonical(text: str) -> str:
    """Return the text that two equal configurations share.

    FRR lists route-maps and static routes in the order in which they were once defined, which
    means nothing to it; here they stand by name and sequence number, and by prefix.
    """
    lines = body(text).split("\n")
    places = [i for i, line in enumerate(lines) if _ROUTE.match(line)]
    for place, line in zip(places, sorted((lines[i] for i in places), key=_route)):  # noqa: B905
        lines[place] = line
    parts = "\n".join(lines).split("\n!\n")
    places = [i for i, part in enumerate(parts) if _ROUTE_MAP.match(part)]
    for place, part in zip(places, sorted((parts[i] for i in places), key=_route_map)):  # noqa: B905
        parts[place] = part
    return "\n!\n".join(parts)


def split(text: str) -> tuple[str, str]:
    """Return FRR's own part of a configuration, and the table of its packet filter, if any."""
    own: list[str] = []
    table: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line.rstrip() != FILTER:
            own.append(line)
            continue
        for inner in lines:
            if inner.rstrip() == "exit":
                break
            table.append(f"{inner[1:].rstrip()}\n")
        after = next(lines, "!")
        own += [] if after.rstrip() == "!" else [after]
    return "\n".join(own), "".join(table)


def block(table: str) -> str:
    """Return the block of a configuration that holds a table; nothing without a table."""
    if not table:
        return ""
    inner = "".join(f" {line}\n" for line in table.splitlines())
    return f"{FILTER}\n{inner}exit\n!\n"


def _route_map(lines: str) -> tuple[str, int]:
    found = _ROUTE_MAP.match(lines)
    return (found[1], int(found[2])) if found else ("", 0)


def _route(line: str) -> tuple[int, bytes, int, str]:
    import socket

    found = _ROUTE.match(line)
    if not found:
        return 0, b"", 0, line
    version, family = (6, socket.AF_INET6) if found[1] else (4, socket.AF_INET)
    return version, socket.inet_pton(family, found[2]), int(found[3]), line


def complaints(output: str) -> str:
    """Return what a tool of FRR said about the lines it refused, as one sentence."""
    lines = _COLOUR.sub("", output).replace("\\n", "\n").splitlines()
    found = (" ".join(x.strip("b'\" ").split()) for x in lines if _COMPLAINT.fullmatch(x.strip()))
    wanted = [*dict.fromkeys(x for x in found if "Can't open configuration file" not in x)]
    return _first_few(wanted, "refusal")


def _first_few(texts: Sequence[str], noun: str) -> str:
    """Return the first texts; what follows them mostly follows from them."""
    more = len(texts) - TOLD
    shown = "; ".join(texts[:TOLD])[:2000]
    return f"{shown}; and {more} more {noun}{'s' * (more > 1)}" if more > 0 else shown


def differences(wanted: str, running: str) -> str:
    """Return which lines are missing from what runs, and which nobody asked for."""
    import difflib

    lines = difflib.unified_diff(wanted.splitlines(), running.splitlines(), lineterm="", n=0)
    changed = [x for x in lines if x[:1] in "+-" and x[:3] not in {"+++", "---"}]
    told = [f"{'missing' if x[0] == '-' else 'unasked'} {x[1:].strip()!r}" for x in changed]
    return _first_few(told, "difference")


def frr_delta(output: str) -> str:
    """Return what frr-reload.py --test said that it would change."""
    shown = _COLOUR.sub("", output)
    start = shown.find("\nLines To ")
    return shown[start:].strip() if start >= 0 else ""


def filter_delta(table: str, had: str) -> str:
    """Return what changes of the packet filter; nothing where it stays."""
    import difflib

    if table == had:
        return ""
    lines = difflib.unified_diff(
        had.splitlines(), table.splitlines(), "loaded", "candidate", lineterm="", n=1
    )
    return "\n".join(["Packet Filter", "=============", *lines])


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of octets in hexadecimal."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
