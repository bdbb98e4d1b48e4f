"""Client of the API of a running controller, over its local socket or over HTTPS."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from inventory.errors import NoControllerError, SanagaError

API: Final = "/api/v1"
# Names, percent-encoded, who is at work at this machine.
PERSON: Final = "Sanaga-Person"
_HEALTH: Final = "/healthz"
WITHIN_S: Final = 30.0
_FIRST_ERROR: Final = 400


class ApiError(SanagaError):
    """A controller refused what was asked; status is that of HTTP, more what else it said."""

    def __init__(self, message: str, status: int, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.more = status, dict(more or {})


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a local socket."""

    def __init__(self, path: Path, within_s: float) -> None:
        super().__init__("controller", timeout=within_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of the stream."""

    kind: str
    event_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ApiClient:
    """Where a controller is: a local socket, or the URL and the token of one elsewhere.

    person is who is at work, whom the audit trail names; over a local socket alone.
    """

    place: Path | str
    token: str = ""
    within_s: float = WITHIN_S
    person: str = ""

    def get(self, path: str, **parameters: object) -> Any:
        """Return a resource; raises ApiError, or NoControllerError where nobody answers."""
        given = {key: value for key, value in parameters.items() if value is not None}
        return self._call("GET", f"{path}?{urlencode(given)}" if given else path)

    def all(self, path: str, **parameters: object) -> list[Any]:
        """Return the items of all pages of a list."""
        items: list[Any] = []
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **parameters)
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return items

    def health(self) -> Mapping[str, str]:
        """Return what the process says of itself."""
        found: Mapping[str, str] = self._call("GET", _HEALTH)
        return found

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change a resource and return what the controller says of it."""
        return self._call(method, path, body)

    @property
    def local(self) -> bool:
        """Return whether the controller runs on this machine and knows its files."""
        return isinstance(self.place, Path)

    def content(self, path: str, **parameters: object) -> bytes:
        """Return a resource in the format that parameters ask for, as it is."""
        query = urlencode({key: value for key, value in parameters.items() if value is not None})
        with self._answer("GET", f"{path}?{query}", None, {"Accept": "*/*"}) as response:
            return response.read()

    def events(self, path: str = "/stream", last: str | None = None) -> Iterator[ServerEvent]:
        """Yield the events of a stream until it ends; raises NoControllerError when it breaks."""
        with self._answer("GET", path, None, {"Last-Event-ID": last} if last else {}) as response:
            yield from _events(response)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with self._answer(method, path, body, {}) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        connection = self._connection()
        content = None if body is None else json.dumps(body)
        try:
            url = path if path == _HEALTH else f"{API}{path}"
            connection.request(method, url, content, {**self._headers(), **headers})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoControllerError(f"{self.place}: no controller answers ({error})") from error
        if response.status >= _FIRST_ERROR:
            with response:
                raise _refusal(response)
        return response

    def _headers(self) -> dict[str, str]:
        usual = {"Accept": "application/json", "Content-Type": "application/json"}
        # One request a connection: it is closed as soon as its answer was read.
        usual["Connection"] = "close"
        if self.person and isinstance(self.place, Path):
            usual[PERSON] = quote(self.person)
        return usual | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def _connection(self) -> http.client.HTTPConnection:
        if isinstance(self.place, Path):
            return _LocalConnection(self.place, self.within_s)
        url = urlsplit(self.place)
        host, port = url.hostname or "", url.port
        if url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.within_s)
        secure = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self.within_s, context=secure)


def segment(name: str | int) -> str:
    """Return a name as one segment of a path."""
    return quote(str(name), safe="")


def _events(response: http.client.HTTPResponse) -> Iterator[ServerEvent]:
    fields: dict[str, str] = {}
    for line in _lines(response):
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            data = json.loads(fields["data"])
            yield ServerEvent(fields.get("event", "message"), fields.get("id", ""), data)
            fields = {}


def _lines(response: http.client.HTTPResponse) -> Iterator[str]:
    try:
        while line := response.readline():
            yield line.decode().rstrip("\r\n")
    except (OSError, http.client.HTTPException) as error:
        raise NoControllerError(f"the stream of events broke ({error})") from error


def _refusal(response: http.client.HTTPResponse) -> ApiError:
    """Return what a problem (RFC 9457) says, or its status where it is none."""
    try:
        told = json.loads(response.read())
        return ApiError(str(told["detail"]), response.status, told)
    except (ValueError, KeyError, TypeError, OSError):
        what = f"the controller answered {response.status} {response.reason}"
        return ApiError(what, response.status)
