"""List of announced calls: flows that travel as a consultation until a time.

The list is on the disk, so that a restarted daemon announces again what is not over.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from edge.clock import Moment
from edge.nftables.call_flows import CallFlow
from edge.storage import atomic
from inventory.errors import EdgeError
from policies.model import ServiceName

FILE: Final = "calls.json"
_PROTOCOLS: Final[Mapping[str, Literal["udp", "tcp"]]] = {"udp": "udp", "tcp": "tcp"}

Json: TypeAlias = Mapping[str, Any]
Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class AnnouncedCall:
    """A flow, the class it travels in, and until when, on the clock of one boot."""

    flow: CallFlow
    service: ServiceName
    boot: str
    until_s: float

    def left_s(self, now: Moment) -> float:
        """Return the time left; one from before a restart has none."""
        return self.until_s - now.since_boot_s if self.boot == now.boot else 0.0


def add_call(
    calls: Iterable[AnnouncedCall], call: AnnouncedCall, now: Moment
) -> tuple[AnnouncedCall, ...]:
    """Return a list with one more call, or with one prolonged, and without those that are over."""
    return (*(c for c in current_calls(calls, now) if c.flow != call.flow), call)


def current_calls(calls: Iterable[AnnouncedCall], now: Moment) -> tuple[AnnouncedCall, ...]:
    """Return the calls that are not over."""
    return tuple(call for call in calls if call.left_s(now) > 0)


def save_calls(folder: Path, calls: Iterable[AnnouncedCall]) -> None:
    """Write a list of calls down. Raises OSError."""
    text = json.dumps({"calls": [{**call_json(call), "boot": call.boot} for call in calls]})
    atomic.replace(folder / FILE, text + "\n")


def load_calls(folder: Path, now: Moment) -> tuple[AnnouncedCall, ...]:
    """Return the calls in a folder that are not over; nothing if the file is torn.

    Raises OSError.
    """
    record = atomic.read_record(folder / FILE) or {}
    with suppress(KeyError, TypeError, ValueError, EdgeError):
        calls = [_call(entry) for entry in record.get("calls", ())]
        return current_calls(calls, now)
    return ()


def _call(entry: Json) -> AnnouncedCall:
    return AnnouncedCall(
        parse_flow(entry), str(entry["service"]), str(entry["boot"]), float(entry["until_s"])
    )


def call_json(call: AnnouncedCall) -> dict[str, Any]:
    """Return a call as JSON knows it."""
    return {
        "protocol": call.flow.protocol,
        "source": str(call.flow.source),
        "source_port": call.flow.source_port,
        "destination": str(call.flow.destination),
        "destination_port": call.flow.destination_port,
        "service": call.service,
        "until_s": call.until_s,
    }


def flow_words(flow: CallFlow) -> str:
    """Return a flow as people read it."""
    ends = ((flow.source, flow.source_port), (flow.destination, flow.destination_port))
    named = [f"{address} port {port or 'any'}" for address, port in ends]
    return f"{flow.protocol} from {named[0]} to {named[1]}"


def parse_flow(request: Json) -> CallFlow:
    """Return the flow that a request names. Raises EdgeError."""
    protocol = _PROTOCOLS.get(str(request.get("protocol", "udp")))
    if protocol is None:
        raise EdgeError(f"a call's protocol is udp or tcp, not {request['protocol']!r}")
    return CallFlow(
        protocol,
        _address(request, "source"),
        _port(request, "source_port"),
        _address(request, "destination"),
        _port(request, "destination_port"),
    )


def _address(request: Json, key: str) -> Address:
    text = str(request[key])
    try:
        address = ip_address(text)
    except ValueError as error:
        raise EdgeError(f"{text!r} is no address of a call's {key}") from error
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise EdgeError(f"{text!r} has a zone; write a call's {key} without '%' and what follows")
    return address


def _port(request: Json, key: str) -> int | None:
    port = request.get(key)
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise EdgeError(f"{port!r} is no port; write a number, or leave it out for any")
    return port
