"""HTTP requests to a checked address: no redirect, no other address, and an end to each.

The name is looked up once, every address is checked, and the connection goes to the one that was
checked, so that a name that changes its address in between reaches nothing else.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from typing import Final
from urllib.parse import SplitResult, urlsplit

from inventory.special_addresses import host_fault

_TIMEOUT_S: Final = 10.0
_LONGEST_URL: Final = 2_000
_MOST_ANSWER: Final = 4_096
# Translators carry IPv4 addresses inside of these (RFC 6052).
_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class AddressRefusedError(Exception):
    """A URL names nothing that a request may go to."""


class NoAnswerError(Exception):
    """A request got no answer; unsure says that it was sent."""

    def __init__(self, what: str, *, unsure: bool) -> None:
        self.unsure = unsure
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers: its status and, where it names one, when to try again."""

    status: int
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, with the address that was checked."""

    url: SplitResult
    host: str
    port: int
    address: str


def check_target(url: str, *, loopback: bool = False) -> Target:
    """Return where a URL leads, its address checked.

    Raises AddressRefusedError when the URL is not one of http or https, or when any address of its
    name is not an ordinary host's; loopback lets this machine's own pass. Raises OSError when the
    name is unknown.
    """
    parts, port = _taken_apart(url)
    host = parts.hostname or ""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if fault := _address_fault(address, loopback=loopback):
            raise AddressRefusedError(f"{host} is {address}, which is no host's address ({fault})")
    return Target(parts, host, port, addresses[0])


def post_to(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> Answer:
    """Send a body to a checked address and return the answer. Raises NoAnswerError."""
    connection = _Pinned(target, context, timeout_s)
    # A server that sends a little now and then would keep each single wait short.
    end = Timer(timeout_s, connection.abort)
    end.daemon = True
    end.start()
    sent = False
    try:
        connection.connect()
        path = target.url.path or "/"
        connection.putrequest("POST", f"{path}?{target.url.query}" if target.url.query else path)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        sent = True
        connection.endheaders(body)
        response = connection.getresponse()
        response.read(_MOST_ANSWER)
        # Headers that end early look like an answer to the library.
        connection.raise_if_aborted()
    except (OSError, http.client.HTTPException, ValueError) as error:
        what = f"no answer from {target.host}: {error or type(error).__name__}"
        raise NoAnswerError(what, unsure=sent) from None
    finally:
        end.cancel()
        connection.close()
    return Answer(response.status, _seconds(response.headers.get("Retry-After", "")))


def _taken_apart(url: str) -> tuple[SplitResult, int]:
    """Return a URL's parts and port; the URL may hold a secret, so no message repeats it."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if not port or not parts.hostname or len(url) > _LONGEST_URL or not url.isascii():
        raise AddressRefusedError("the URL is not one of http or https with a host")
    if any(not character.isprintable() or character == " " for character in url):
        raise AddressRefusedError("the URL holds a space or a control character")
    if parts.username or parts.password:
        raise AddressRefusedError("the URL holds a user name; the request is signed instead")
    return parts, port


def _address_fault(text: str, *, loopback: bool) -> str | None:
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    inside = _embedded(address)
    if loopback and inside.is_loopback:
        return None
    return host_fault(inside)


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, the address itself if none."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in block for block in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _seconds(text: str) -> float:
    return float(min(int(text), 3600)) if text.isascii() and text.isdigit() else 0.0


class _Pinned(http.client.HTTPConnection):
    """A connection to a checked address, under the name that was looked up."""

    def __init__(self, target: Target, context: ssl.SSLContext, timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target
        self._context = context if target.url.scheme == "https" else None
        self._aborted = False

    def connect(self) -> None:
        """Connect to the checked address alone."""
        raw = socket.create_connection((self._target.address, self.port), self.timeout)
        self.sock = raw
        if self._context is not None:
            self.sock = self._context.wrap_socket(raw, server_hostname=self._target.host)
        self.raise_if_aborted()

    def raise_if_aborted(self) -> None:
        """Raise TimeoutError when the time was up."""
        if self._aborted:
            raise TimeoutError("timed out")

    def abort(self) -> None:
        """End the connection from another thread; whoever waits for it is told."""
        self._aborted = True
        if (open_socket := self.sock) is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
