"""An agent that answers as no agent should, on a UDP socket of its own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from controller.snmp import ber
from tests.rigs.snmp import encoding


@dataclass
class Request:
    """What was asked: the names, and how many rows of each (0 for a plain get)."""

    number: int
    names: tuple[str, ...]
    rows: int


@dataclass
class OddAgent:
    """An agent; asked holds every request."""

    port: int
    asked: list[Request] = field(default_factory=list)


Answer = Callable[[Request], bytes | None]


def read_request(datagram: bytes) -> Request:
    """Return what a request asks for."""
    _, _, (tag, body) = ber.items(ber.only(datagram, ber.SEQUENCE))
    request, _, rows, bindings = (content for _, content in ber.items(body))
    names = tuple(ber.name(ber.only(pair, ber.OID)) for _, pair in ber.items(bindings))
    return Request(ber.number(request), names, ber.number(rows) if tag == 0xA5 else 0)


def respond(request: Request, *bindings: tuple[str, bytes], error: int = 0) -> bytes:
    """Return a sound answer to a request."""
    made: bytes = encoding.message(encoding.RESPONSE, bindings, request=request.number, error=error)
    return made


@contextmanager
def odd_agent(answer: Answer) -> Iterator[OddAgent]:
    """Give an agent that answers by a function; None is silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        agent = OddAgent(link.getsockname()[1])

        def serve() -> None:
            while True:
                datagram, sender = link.recvfrom(65535)
                if datagram == b"end":
                    return
                request = read_request(datagram)
                agent.asked.append(request)
                said = answer(request)
                if said is not None:
                    link.sendto(said, sender)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield agent
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", ("127.0.0.1", agent.port))
            thread.join()
