"""Consultations as flows: those that somebody announced, and those whose packets were seen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Literal

from edge.forwarding import marks
from edge.policy.model import EdgePolicy
from inventory.errors import EdgeError, UnknownNameError
from inventory.names import known_names
from policies.model import CARE_CLASSES, ServiceName

ANY_PORT: Final = (0, 65_535)
LONGEST_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class CallFlow:
    """One direction of a call, as its packets leave a LAN for a peer; port None stands for any."""

    protocol: Literal["udp", "tcp"]
    source: IPv4Address | IPv6Address
    source_port: int | None
    destination: IPv4Address | IPv6Address
    destination_port: int | None

    def __post_init__(self) -> None:
        """Raise EdgeError when the values make no flow."""
        ports = (self.source_port, self.destination_port)
        ends = (self.source, self.destination)
        if self.protocol not in {"udp", "tcp"}:
            raise EdgeError(f"a call's protocol is udp or tcp, not {self.protocol!r}")
        if not all(port is None or _is_port(port) for port in ports):
            raise EdgeError("a call's ports are 0 to 65535; leave one out for any")
        # Python takes any text for the zone of an address, and this one becomes text for nft.
        if any(end.version == 6 and end.scope_id is not None for end in ends):
            raise EdgeError("a call's addresses have no zone; leave out what stands behind '%'")
        if self.source.version != self.destination.version:
            raise EdgeError("a call's two addresses must be of one IP version")

    @property
    def version(self) -> int:
        """Return the IP version."""
        return self.source.version


@dataclass(frozen=True, slots=True)
class LiveCalls:
    """Consultation traffic: packets through the care tunnel so far, and flows seen lately.

    packets counts both directions since the interface was made, so that its growth says that a
    consultation is live; flows are those that left here within the last seconds.
    """

    packets: int = 0
    flows: frozenset[CallFlow] = field(default_factory=frozenset)


def mark_of(policy: EdgePolicy, service: ServiceName) -> int:
    """Return the mark of a class of consultations.

    Raises UnknownNameError if the policy has no such class.
    """
    require_care_class(service, care_classes(policy))
    return marks.CLASS_MARK + (marks.class_index(policy, service) or 0)


def require_care_class(
    service: ServiceName, known: Sequence[ServiceName] = CARE_CLASSES
) -> ServiceName:
    """Return the name of a class of consultations.

    Raises UnknownNameError, with what may have been meant, when it is not among the known ones.
    """
    if service not in known:
        hint = known_names(service, known, "classes of consultations")
        raise UnknownNameError(f"no class of consultations is called '{service}'; {hint}")
    return service


def care_classes(policy: EdgePolicy) -> tuple[ServiceName, ...]:
    """Return the classes of consultations that a policy has."""
    return tuple(policy.classes[i].service.name for i in marks.care_indexes(policy))


def checked_duration(for_s: float) -> float:
    """Return for how long a call is announced. Raises EdgeError when that makes no sense."""
    if not 1 <= for_s <= LONGEST_S:
        raise EdgeError(f"a call is announced for 1 to {LONGEST_S} s at a time")
    return for_s


def add_text(flow: CallFlow, mark: int, for_s: float) -> str:
    """Return the statement that gives a flow a mark for a time; it must not have one."""
    element = f"{_key(flow)} timeout {max(1, int(for_s))}s : {mark:#x}"
    return _statement("add", flow, element)


def remove_text(flow: CallFlow) -> str:
    """Return the statement that forgets a flow, which must be known."""
    return _statement("delete", flow, _key(flow))


def _statement(verb: str, flow: CallFlow, element: str) -> str:
    return f"{verb} element inet {marks.NFT_TABLE} calls{flow.version} {{ {element} }}\n"


def _key(flow: CallFlow) -> str:
    ports = (_port(flow.source_port), _port(flow.destination_port))
    return f"{flow.source} . {flow.destination} . {flow.protocol} . {ports[0]} . {ports[1]}"


def _is_port(port: int) -> bool:
    return type(port) is int and 0 <= port <= 65_535


def _port(port: int | None) -> str:
    low, high = ANY_PORT
    return f"{low}-{high}" if port is None else str(port)


def parse_flows(elements: Iterable[Any]) -> Iterator[CallFlow]:
    """Yield the flows of a set as nft lists it."""
    for element in elements:
        if flow := _flow(element.get("elem", {}).get("val", element)):
            yield flow


def parse_announced(elements: Iterable[Any]) -> Iterator[tuple[CallFlow, int, float]]:
    """Yield the flows of a map as nft lists it, with their marks and the seconds they have left."""
    for element, mark in elements:
        if flow := _flow(element["elem"]["val"]):
            yield flow, mark, float(element["elem"].get("expires", 1))


def _flow(key: Mapping[str, Any]) -> CallFlow | None:
    source, destination, protocol, source_port, port = key["concat"]
    if protocol not in {"udp", "tcp"}:
        return None
    ends = ip_address(source), ip_address(destination)
    return CallFlow(protocol, ends[0], _listed(source_port), ends[1], _listed(port))


def _listed(port: int | dict[str, list[int]]) -> int | None:
    return port if isinstance(port, int) else None
