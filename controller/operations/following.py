"""Asking a running controller: refusals as the errors they are, operations to their end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from controller.clock import Clock, SystemClock
from controller.operations.exchange import parse_error, parse_event
from controller.transport.api_client import ApiClient, ApiError, segment
from inventory.errors import Fault, NoControllerError

# Member of a problem that says which error of ours it is.
ERROR: Final = "error"
_RUNNING: Final = "running"
_WAIT_S: Final = 10
# For so long a controller may be away while an operation is followed: one that is started again, or
# another behind the same proxy, goes on telling of it.
_AWAY_S: Final = 30.0
_AGAIN_S: Final = 0.5
# What a proxy answers whose controller is gone, and one that cannot read its records.
_AWAY: Final = frozenset({502, 503, 504})


def ask(client: ApiClient, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Return what a controller answers; raises what its use case raised, or ApiError."""
    try:
        return client.send(method, path, body)
    except ApiError as error:
        if ERROR not in error.more:
            raise
        raise parse_error(error.more[ERROR]) from error


def follow(
    client: ApiClient, path: str, body: Mapping[str, Any], progress: Callable[[Any], None]
) -> Mapping[str, Any]:
    """Begin an operation and tell of it until it ends; Ctrl-C ends it there, in order."""
    begun = ask(client, "POST", path, body)
    follower = _Follower(client, str(begun["id"]), progress)
    try:
        ended = follower.follow()
    except KeyboardInterrupt:
        client.send("POST", f"/operations/{begun['id']}/interrupt")
        ended = follower.follow()
    if ended["error"]:
        raise parse_error(ended["error"])
    result: Mapping[str, Any] = ended["result"]
    return result


def from_here(fault: Fault, folder: Path | None) -> Fault:
    """Return a fault with its file as seen from the current folder, so that editors open it."""
    file = Path(fault.where.file)
    if folder is None or not file.is_relative_to(folder.absolute()):
        return fault
    seen = folder / file.relative_to(folder.absolute())
    return replace(fault, where=replace(fault.where, file=str(seen)))


@dataclass(slots=True)
class _Follower:
    client: ApiClient
    number: str
    progress: Callable[[Any], None]
    position: int = 0
    clock: Clock = field(default_factory=SystemClock)

    def follow(self) -> Mapping[str, Any]:
        """Return an operation once it has ended."""
        while True:
            found = self._news()
            self.position = found["position"]
            for body in found["events"]:
                if event := parse_event(body):
                    self.progress(event)
            if found["state"] != _RUNNING:
                return found

    def _news(self) -> Mapping[str, Any]:
        """Return what is new; where nobody answers for a while, another controller may soon."""
        deadline = self.clock.now() + _AWAY_S
        while True:
            try:
                found: Mapping[str, Any] = self.client.get(
                    f"/operations/{segment(self.number)}", after=self.position, wait_s=_WAIT_S
                )
            except NoControllerError:
                if self.clock.now() > deadline:
                    raise
            except ApiError as error:
                if error.status not in _AWAY or self.clock.now() > deadline:
                    raise
            else:
                return found
            self.clock.pause(_AGAIN_S)
