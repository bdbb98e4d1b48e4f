"""What the screens show, read from the API as it is now, and followed by the stream of events."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import Any, Final, Protocol

from controller.transport.api_client import ApiClient, ApiError, segment
from inventory.errors import NoControllerError
from inventory.text_table import one_line

# Two beats missed: what is shown is stale.
STALE_S: Final = 12.0
_AGAIN_S: Final = 2.0
# News that come close together are read once.
_GATHER_S: Final = 0.2
# No answer or beat for this long ends the connection.
_SILENT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Overview:
    """The network at a glance; bad_sites are those that are not ok, the worst first."""

    sentence: str
    at: str
    incidents: tuple[dict[str, Any], ...]
    bad_sites: tuple[dict[str, Any], ...]


class Source(Protocol):
    """Where the screens get their facts from."""

    def overview(self) -> Overview:
        """Return the network at a glance."""

    def incident(self, number: int) -> dict[str, Any]:
        """Return one incident with its timeline."""

    def site(self, name: str) -> dict[str, Any]:
        """Return one site."""

    def act(self, number: int, kind: str, **said: object) -> str:
        """Do something to an incident; return what became of it."""


_WORST_FIRST: Final = ("down", "unreachable", "degraded", "unknown", "maintenance")


@dataclass(frozen=True, slots=True)
class ApiSource:
    """Facts of a running controller."""

    client: ApiClient

    def overview(self) -> Overview:
        """Return the network at a glance."""
        summary = self.client.get("/summary")
        incidents = plain(self.client.all("/incidents", state="open"))
        bad = [
            site
            for health in _WORST_FIRST
            if summary["sites"][health]
            for site in plain(self.client.all("/sites", health=health))
        ]
        return Overview(summary["sentence"], summary["at"], tuple(incidents), tuple(bad))

    def incident(self, number: int) -> dict[str, Any]:
        """Return one incident with its timeline."""
        found: dict[str, Any] = plain(self.client.get(f"/incidents/{number}"))
        return found

    def site(self, name: str) -> dict[str, Any]:
        """Return one site."""
        found: dict[str, Any] = plain(self.client.get(f"/sites/{segment(name)}"))
        return found

    def act(self, number: int, kind: str, **said: object) -> str:
        """Do something to an incident; return what became of it, or why not."""
        try:
            after = self.client.send("POST", f"/incidents/{number}/acts", {"kind": kind, **said})
        except (ApiError, NoControllerError) as error:
            return one_line(str(error))
        return f"incident {number}: {after['state']}"


def plain(value: Any) -> Any:
    """Return JSON whose texts hold nothing that a terminal would obey."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class Follower:
    """Reads the stream in a thread, and says when something changed or nothing is heard."""

    def __init__(
        self, client: ApiClient, changed: Callable[[], None], silent: Callable[[str], None]
    ) -> None:
        self._client = ApiClient(client.place, client.token, within_s=_SILENT_S)
        self._changed, self._silent = changed, silent
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="stream", daemon=True)
        self.heard_s = monotonic()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer."""
        self._stop.set()

    def _follow(self) -> None:
        last: str | None = None
        while not self._stop.is_set():
            try:
                for event in self._client.events(last=last):
                    self.heard_s = monotonic()
                    last = event.event_id or last
                    if self._stop.is_set():
                        return
                    if event.kind != "beat":
                        self._stop.wait(_GATHER_S)
                        self._changed()
            except (ApiError, NoControllerError) as error:
                self._silent(str(error))
            self._stop.wait(_AGAIN_S)
