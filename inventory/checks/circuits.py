"""Every circuit has two ends, or one end and a provider, on interfaces of its own."""

from collections.abc import Iterator
from typing import Final

from inventory.documents.partial import CircuitDraft, PartialDocuments, seen_at
from inventory.errors import Fault, Location
from inventory.free_text import quoted

_ENDS: Final = ("a", "b")
# Interfaces that every router makes itself.
_RESERVED: Final = frozenset({"lo", "vlan10", "vlan20", "vlan30", "vlan40", "vlan99"})


def check_circuit_ends(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every circuit with too few or too many ends, or both on one device."""
    for circuit in drafts.circuits:
        if not isinstance(circuit.entry.value, dict):
            continue
        if fault := _ends_fault(circuit) or _loop_fault(circuit):
            yield fault


def check_circuit_interfaces(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every interface that carries two circuits or is not free for any."""
    seen: dict[tuple[str, str], tuple[str, Location]] = {}
    for circuit in drafts.circuits:
        for end in _ends_of(circuit):
            device, interface, where = end
            if interface in _RESERVED:
                what = f"interface {quoted(interface)} is not free for a circuit"
                yield Fault(where, what, "every router keeps it for itself; write another")
            elif (device, interface) in seen:
                other, first = seen[device, interface]
                what = f"{device} {interface} carries circuit {quoted(other)} already"
                yield Fault(where, what, f"write a free interface; {seen_at(first)}")
            else:
                seen[device, interface] = (circuit.name or "without a name", where)


def _ends_fault(circuit: CircuitDraft) -> Fault | None:
    entry = circuit.entry
    b, provider = (_written(circuit, key) for key in ("b", "provider"))
    if b and provider:
        what = "a circuit with both a second end and a provider"
        return Fault(entry.where_key("provider"), what, "keep 'b' or 'provider', not both")
    if not b and not provider:
        hint = "add 'b: {device: ..., interface: ...}', or 'provider: NAME'"
        return Fault(entry.where(), "a circuit with one end only", hint)
    return None


def _written(circuit: CircuitDraft, key: str) -> bool:
    """Return whether something stands under a key, be it of the wrong form."""
    where = circuit.entry.where(key)
    faulted = (where.line, where.column) in circuit.entry.blamed and where != circuit.entry.where()
    return circuit.entry.get(key) is not None or faulted


def _loop_fault(circuit: CircuitDraft) -> Fault | None:
    a, b = (circuit.entry.text(end, "device") for end in _ENDS)
    if a is None or a != b:
        return None
    what = f"both ends of the circuit are on {quoted(a)}"
    return Fault(circuit.entry.where("b", "device"), what, "name the device at the other end")


def _ends_of(circuit: CircuitDraft) -> Iterator[tuple[str, str, Location]]:
    """Yield device, interface and place of every readable end."""
    for end in _ENDS:
        device = circuit.entry.text(end, "device")
        interface = circuit.entry.text(end, "interface")
        if device is not None and interface is not None:
            yield device, interface, circuit.entry.where(end, "interface")
