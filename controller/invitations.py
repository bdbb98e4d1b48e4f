"""The desk's side of an invitation: a gateway carries what a device in the field and the desk say.

The gateway is asked again and again over the door by which it is told everything else; that a
connection fails now and then does not end an invitation.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from controller.clock import Clock
from edge import parcels
from edge.joining import LATER, LET_IN, WRITTEN
from edge.mailboxes import State
from inventory.errors import AccessError, SanagaError, UnreachableError
from vpn import invitation, keys, spoken
from vpn.invitation import Invitation
from vpn.keys import PublicKey

POLL_S: Final = 1.0
# A gateway may be out of reach for so long while a device is waited for.
PATIENCE_S: Final = 60.0
# A device that was there just now writes its file at once.
WRITES_WITHIN_S: Final = 30.0
_STRANGE: Final = "the device does not follow the protocol; ask what it runs, and invite again"
_ENDED: Final = {
    State.EXPIRED: "the code has expired before the device was let in; invite again",
    State.WITHDRAWN: "somebody else took the invitation back; invite again",
    State.DONE: "somebody else ended the invitation; invite again",
}

Json: TypeAlias = Mapping[str, Any]
# Is told how long the code holds yet, each time that the gateway was asked.
Tick: TypeAlias = Callable[[float], None]


class Gate(Protocol):
    """A gateway that has mailboxes. Raises DeviceError."""

    def join(self, request: Json) -> Json:
        """Open a mailbox, look into it or end it."""
        ...


@dataclass(frozen=True, slots=True)
class Guest:
    """A device that came: its public key, and the words that its owner must read."""

    key: PublicKey
    words: str
    transcript: bytes = field(repr=False)


class Visit:
    """One invitation, from its making to its end, whatever that is."""

    def __init__(self, gate: Gate, invited: Invitation, clock: Clock) -> None:
        self.invited = invited
        self._gate = gate
        self._clock = clock
        self._leave: list[str] = []
        self._heard_s = clock.now()
        self.state: State | None = None

    def open(self, lasts_s: float = invitation.LASTS_S) -> None:
        """Have the gateway know of the invitation. Raises DeviceError."""
        key = base64.b64encode(self.invited.mailbox_key).decode("ascii")
        port = self.invited.where.port
        self._asked("open", key=key, port=port, lasts_s=lasts_s)
        self.state = State.OPEN

    def guest(self, tick: Tick = lambda _left_s: None) -> Guest:
        """Return the device that comes. Raises AccessError when none does, and DeviceError."""
        committed = str(self._until(lambda said: said["who"], tick)["who"])
        chosen = os.urandom(invitation.NONCE).hex()
        self._leave.append(chosen)
        (told, *_) = self._until(lambda said: said["said"], tick)["said"]
        try:
            read = json.loads(told)
            key, nonce = keys.public(str(read["key"])), bytes.fromhex(str(read["nonce"]))
            digest = invitation.transcript(committed, chosen, key, nonce)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise AccessError(_STRANGE) from None
        return Guest(key, spoken.words(digest), digest)

    def alone(self) -> None:
        """Raise AccessError when anybody else used the code, too."""
        self._until(lambda said: said["who"])

    def hand(self, guest: Guest, text: str) -> None:
        """Leave a device its file, which nobody else can read. Raises AccessError, DeviceError."""
        self._leave += parcels.packed(text, self.invited, guest.transcript, guest.key)
        self._until(lambda said: said["who"])

    def written(self) -> bool:
        """Return whether the device says that it has kept its file, which is waited for a while."""
        deadline = self._clock.now() + WRITES_WITHIN_S
        while self._clock.now() < deadline:
            try:
                if self._look()["said"][1:2] == [WRITTEN]:
                    return True
            except SanagaError:
                return False
            self._clock.pause(POLL_S)
        return False

    def done(self, *, let_in: bool) -> None:
        """Tell the device whether its gateway lets it in by now, and end the invitation.

        Raises DeviceError.
        """
        self._leave.append(LET_IN if let_in else LATER)
        self._asked("look", have=0, leave=self._leave)
        self._end(State.DONE)

    def close(self) -> None:
        """Take the invitation back, unless it has ended. Raises DeviceError."""
        if self.state is State.OPEN:
            self._end(State.WITHDRAWN)

    def _end(self, state: State) -> None:
        self._asked("end", state=state)
        self.state = state

    def _until(self, come: Callable[[Json], object], tick: Tick = lambda _left_s: None) -> Json:
        """Return what the mailbox holds as soon as something is there."""
        while True:
            said = self._look()
            tick(float(said["left_s"]))
            if come(said):
                return said
            self._clock.pause(POLL_S)

    def _look(self) -> Json:
        """Return what the mailbox holds. Raises AccessError when the invitation has ended."""
        while True:
            try:
                said = self._asked("look", have=0, leave=self._leave)
                break
            except UnreachableError:
                if self._clock.now() - self._heard_s > PATIENCE_S:
                    raise
                self._clock.pause(POLL_S)
        self._heard_s = self._clock.now()
        if said["rivals"]:
            raise AccessError(
                "the code was used twice: by somebody else as well, or by the same person again; "
                "nobody was let in: invite again, over another telephone if you can"
            )
        if (state := State(said["state"])) is not State.OPEN:
            self.state = state
            raise AccessError(_ENDED[state])
        return said

    def _asked(self, what: str, **told: object) -> Json:
        return self._gate.join({"do": what, "name": self.invited.name, **told})
