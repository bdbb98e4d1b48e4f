"""The kernel's queues of ours: read, built and taken away.

A queue that somebody else put on an interface is left alone. Source: linux/pkt_sched.h.
"""

import errno
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from edge.forwarding.htb import REST, Queue, QueueClass
from edge.forwarding.links import KernelInterface
from edge.forwarding.marks import HANDLE
from edge.forwarding.netlink import (
    CREATE,
    EXCLUSIVE,
    REPLACE,
    Netlink,
    Request,
    attribute,
    attributes,
    nested_attribute,
    netlink_error,
    text_attribute,
    text_of,
)

NEW_QDISC, DEL_QDISC, GET_QDISC = 36, 37, 38
NEW_CLASS, GET_CLASS = 40, 42
TC_HEADER: Final = struct.Struct("=BxxxiIII")
KIND, OPTIONS = 1, 2
HTB_PARMS, HTB_INIT, HTB_RATE64, HTB_CEIL64 = 1, 2, 6, 7
# Version, rate to quantum, default class, debug, direct packets.
HTB_GLOBAL: Final = struct.Struct("=IIIII")
# Twice: cell log, link layer, overhead, cell alignment, smallest packet, rate; then burst of rate
# and ceiling in ticks, quantum, level, priority.
HTB_OPTIONS: Final = struct.Struct("=BBHhHI" + "BBHhHI" + "IIIII")
LIMIT: Final = struct.Struct("=I")
HTB, FIFO = "htb", "bfifo"
ETHERNET: Final = 1
ROOT: Final = 0xFFFF_FFFF
MOST_32_BITS: Final = 0xFFFF_FFFF
NS_PER_TICK: Final = 64
QUANTUM: Final = 3_000
ROOT_HANDLE: Final = HANDLE << 16


def read_roots(kernel: Netlink) -> dict[int, tuple[str, int]]:
    """Return kind and handle of every interface's root queue; handle 0 is the kernel's default."""
    found = {}
    for answer in kernel.dump(Request(GET_QDISC, 0, TC_HEADER.pack(0, 0, 0, 0, 0))):
        _, index, handle, parent, _ = TC_HEADER.unpack_from(answer.body)
        if parent == ROOT:
            found[index] = (text_of(attributes(answer.body, TC_HEADER.size), KIND), handle)
    return found


def is_our_queue(root: tuple[str, int] | None) -> bool:
    """Return whether a root queue is one that we put there."""
    return root == (HTB, ROOT_HANDLE)


def is_foreign_queue(root: tuple[str, int] | None) -> bool:
    """Return whether somebody else chose a root queue."""
    return root is not None and bool(root[1]) and not is_our_queue(root)


def is_built(kernel: Netlink, queue: Queue, link: KernelInterface) -> bool:
    """Return whether an interface has exactly the classes and limits of a queue."""
    want = {(c.minor, _options(c, queue.overhead)) for c in queue.classes}
    limits = {c.minor: c.limit for c in queue.classes if c.limit}
    return want == _classes(kernel, link) and limits == _limits(kernel, link)


def build_queue(kernel: Netlink, queue: Queue, link: KernelInterface) -> None:
    """Put a queue on an interface, in place of ours or the kernel's default. Raises EdgeError."""
    take_away(kernel, link)
    requests = [_root(link), *(r for c in queue.classes for r in _class(c, queue.overhead, link))]
    for code in kernel.batch(requests):
        if code:
            raise netlink_error(f"a queue on {link.name}", code)


def take_away(kernel: Netlink, link: KernelInterface) -> None:
    """Give an interface the kernel's default queue back."""
    body = TC_HEADER.pack(0, link.index, ROOT_HANDLE, ROOT, 0)
    (code,) = kernel.batch([Request(DEL_QDISC, 0, body)])
    if code not in {0, errno.ENOENT, errno.ENODEV, errno.EINVAL}:
        raise netlink_error(f"to take the queue of {link.name} away", code)


def _root(link: KernelInterface) -> Request:
    options = nested_attribute(OPTIONS, attribute(HTB_INIT, HTB_GLOBAL.pack(3, 10, REST, 0, 0)))
    header = TC_HEADER.pack(0, link.index, ROOT_HANDLE, ROOT, 0)
    return Request(NEW_QDISC, CREATE | EXCLUSIVE, header + text_attribute(KIND, HTB) + options)


def _class(cls: QueueClass, overhead: int, link: KernelInterface) -> Iterator[Request]:
    handle = ROOT_HANDLE | cls.minor
    parent = ROOT_HANDLE | cls.parent if cls.parent else ROOT_HANDLE
    header = TC_HEADER.pack(0, link.index, handle, parent, 0)
    parts = [attribute(HTB_PARMS, _options(cls, overhead))]
    # Rates beyond 32 bits (34 Gbit/s) stand beside.
    for kind, rate in ((HTB_RATE64, cls.rate), (HTB_CEIL64, cls.ceiling)):
        parts += [attribute(kind, struct.pack("=Q", rate))] if rate > MOST_32_BITS else []
    yield Request(
        NEW_CLASS,
        CREATE | EXCLUSIVE,
        header + text_attribute(KIND, HTB) + nested_attribute(OPTIONS, *parts),
    )
    if cls.limit:
        leaf = TC_HEADER.pack(0, link.index, 0, handle, 0)
        options = attribute(OPTIONS, LIMIT.pack(cls.limit))
        yield Request(NEW_QDISC, CREATE | REPLACE, leaf + text_attribute(KIND, FIFO) + options)


def _options(cls: QueueClass, overhead: int) -> bytes:
    rate, ceiling = (min(value, MOST_32_BITS) for value in (cls.rate, cls.ceiling))
    specs = (0, ETHERNET, overhead, 0, 0, rate, 0, ETHERNET, overhead, 0, 0, ceiling)
    bursts = (_ticks(cls.burst, cls.rate), _ticks(cls.burst, cls.ceiling))
    return HTB_OPTIONS.pack(*specs, *bursts, QUANTUM, 0, cls.priority)


def _ticks(octets: int, rate: int) -> int:
    """Return how long octets take at a rate, in the kernel's ticks."""
    return min(octets * 1_000_000_000 // rate // NS_PER_TICK, MOST_32_BITS)


def _classes(kernel: Netlink, link: KernelInterface) -> set[tuple[int, bytes]]:
    body = TC_HEADER.pack(0, link.index, 0, 0, 0)
    found = set()
    for answer in kernel.dump(Request(GET_CLASS, 0, body)):
        handle = TC_HEADER.unpack_from(answer.body)[2]
        parts = attributes(answer.body, TC_HEADER.size)
        if text_of(parts, KIND) == HTB:
            options = attributes(parts[OPTIONS])[HTB_PARMS]
            found.add((handle & 0xFFFF, _without_level(options)))
    return found


def _without_level(options: bytes) -> bytes:
    """Return a class's options without its level, and the priority that only leaves have."""
    values: Sequence[int] = HTB_OPTIONS.unpack_from(options)
    return HTB_OPTIONS.pack(*values[:-2], 0, values[-1])


def _limits(kernel: Netlink, link: KernelInterface) -> dict[int, int]:
    found = {}
    for answer in kernel.dump(Request(GET_QDISC, 0, TC_HEADER.pack(0, link.index, 0, 0, 0))):
        _, index, _, parent, _ = TC_HEADER.unpack_from(answer.body)
        parts = attributes(answer.body, TC_HEADER.size)
        if index == link.index and text_of(parts, KIND) == FIFO and parent >> 16 == HANDLE:
            found[parent & 0xFFFF] = LIMIT.unpack_from(parts[OPTIONS])[0]
    return found
