"""What the rules of an edge share: sets in nftables' own words, and how a flow is looked up."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

# Between what a connection is and the maps and sets that know it.
FLOW: Final = "{ip} saddr . {ip} daddr . meta l4proto . th sport . th dport"
IP: Final = {4: "ip", 6: "ip6"}


def named_set(what: str, typed: str, flags: str, elements: Sequence[str]) -> Iterator[str]:
    """Yield a set or map with its elements."""
    yield f"\t{what} {{"
    yield f"\t\t{typed}"
    if flags:
        yield f"\t\tflags {flags}"
    if elements:
        yield "\t\telements = {"
        yield ",\n".join(f"\t\t\t{element}" for element in elements)
        yield "\t\t}"
    yield "\t}"


def dynamic_set(name: str, typed: str, size: int, timeout_s: int) -> Iterator[str]:
    """Yield a set that rules fill, and that forgets."""
    yield f"\tset {name} {{"
    yield f"\t\t{typed}"
    yield f"\t\tsize {size}"
    yield "\t\tflags dynamic, timeout"
    yield f"\t\ttimeout {timeout_s}s"
    yield "\t}"


def names_of(names: Iterable[str]) -> str:
    """Return at least one interface as a set; nft has no word for none."""
    return set_of(f'"{name}"' for name in names)


def set_of(elements: Iterable[object]) -> str:
    """Return at least one element as a set; nft has no word for none."""
    return f"{{ {', '.join(map(str, elements))} }}"
