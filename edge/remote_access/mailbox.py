"""Mailbox in which a device in the field and the controller leave messages for each other.

An invitation is for the first device that asks about it: who says on whose behalf a request is
made, and every other device is answered that it is taken. Of what is said here the gateway
understands nothing, and both ends would notice a change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from edge.remote_access import join_messages
from edge.remote_access.join_messages import Json
from inventory.errors import EdgeError

MOST_OPEN: Final = 64
MOST_MESSAGES: Final = 64
LONGEST_S: Final = 3_600.0
# A controller that has not looked for so long while it waits for a device has gone.
GONE_S: Final = 120.0
# After anything that a device says, people have so long at least to read words to each other.
JOINING_S: Final = 600.0
# So long after its end, an answer says why nothing comes of an invitation.
REMEMBERED_S: Final = 3_600.0
MOST_REMEMBERED: Final = 1_000
_WHO: Final = 64


class State(StrEnum):
    """What has become of an invitation."""

    OPEN = "open"
    # Both ends have what they wanted.
    DONE = "done"
    # The controller has taken it back, or refused the device that came.
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


# The answer to any device but the first.
TAKEN: Final = "taken"


@dataclass(slots=True)
class Mailbox:
    """What was left for either end; rivals is how often another device asked about it."""

    key: bytes = field(repr=False)
    until_s: float
    looked_s: float
    who: str = ""
    said: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    rivals: int = 0
    state: State = State.OPEN


class Mailboxes:
    """The mailboxes of a gateway, by the names of invitations; times are monotonic."""

    def __init__(self) -> None:
        self._boxes: dict[str, Mailbox] = {}

    def open(self, name: str, key: bytes, lasts_s: float, now_s: float) -> None:
        """Make a mailbox. Raises EdgeError when it is there already, or there are too many."""
        self.tend(now_s)
        if name in self._boxes:
            raise EdgeError("this invitation was made before; make another one")
        if sum(box.state is State.OPEN for box in self._boxes.values()) >= MOST_OPEN:
            raise EdgeError(f"{MOST_OPEN} invitations are open here; wait until one has ended")
        self._boxes[name] = Mailbox(key, now_s + min(max(lasts_s, 0.0), LONGEST_S), now_s)

    def look(self, name: str, have: int, leave: Sequence[str], now_s: float) -> Json:
        """Let the messages for the device be some, and return its own but for the first ones.

        What was left before stays, however often it is left, and nothing comes to it once the
        invitation has ended or another device asked. Raises EdgeError when there is no such
        mailbox, or what is left is too much.
        """
        box = self._box(name, now_s)
        if len(leave) > MOST_MESSAGES or not all(map(join_messages.fits_message, leave)):
            raise EdgeError("this is more than a mailbox takes")
        if box.state is State.OPEN and not box.rivals:
            box.left += leave[len(box.left) :]
        box.looked_s = now_s
        return {
            "state": box.state,
            "who": box.who,
            "said": box.said[have:],
            "rivals": box.rivals,
            "left_s": max(0.0, box.until_s - now_s),
        }

    def end(self, name: str, state: State, last: str, now_s: float) -> State:
        """Take no more messages, after a last one, if any; what was left can still be fetched.

        Returns how the invitation has ended, which may have been before. Raises EdgeError.
        """
        box = self._box(name, now_s)
        if box.state is State.OPEN:
            box.left += [last] if join_messages.fits_message(last) else []
            box.state, box.until_s = state, now_s
        return box.state

    def answer(self, datagram: bytes, now_s: float) -> bytes | None:
        """Return the answer to a device's datagram; nothing to what is no request."""
        box = self._boxes.get(join_messages.invitation_name(datagram))
        asked = join_messages.open_request(datagram, box.key) if box else None
        if box is None or asked is None:
            return None
        _expire(box, now_s)
        try:
            return join_messages.seal_answer(datagram, box.key, _said(box, asked, now_s))
        except (KeyError, TypeError, ValueError):
            return None

    def tend(self, now_s: float) -> None:
        """Let invitations expire or end with their controller; forget those that ended long ago."""
        for box in self._boxes.values():
            _expire(box, now_s)
        ended = sorted(self._ended(), key=lambda name: self._boxes[name].until_s)
        for place, name in enumerate(reversed(ended)):
            old = now_s >= self._boxes[name].until_s + REMEMBERED_S
            if old or place >= MOST_REMEMBERED:
                del self._boxes[name]

    def __bool__(self) -> bool:
        """Return whether anybody could ask about anything."""
        return bool(self._boxes)

    def _ended(self) -> Iterator[str]:
        return (name for name, box in self._boxes.items() if box.state is not State.OPEN)

    def _box(self, name: str, now_s: float) -> Mailbox:
        self.tend(now_s)
        if name not in self._boxes:
            raise EdgeError(
                "this gateway does not know the invitation; its daemon was started since, or it "
                "ended long ago: make another one"
            )
        return self._boxes[name]


def _expire(box: Mailbox, now_s: float) -> None:
    """Let an invitation end with its time, or with its controller."""
    if box.state is State.OPEN and now_s >= box.until_s:
        box.state = State.EXPIRED
    elif box.state is State.OPEN and not box.who and now_s >= box.looked_s + GONE_S:
        box.state, box.until_s = State.WITHDRAWN, now_s


def _said(box: Mailbox, asked: Json, now_s: float) -> Json:
    """Return the answer to a device. Raises KeyError, TypeError, ValueError."""
    who, have = _text(asked["who"]), _count(asked["have"])
    if len(who) > _WHO:
        raise ValueError("this is nobody's commitment")
    if box.who not in {"", who}:
        box.rivals += 1
        return {"state": TAKEN}
    if box.state is State.OPEN:
        if not box.who:
            box.who, box.until_s = who, max(box.until_s, now_s + JOINING_S)
        if _took(box, asked):
            box.until_s = max(box.until_s, now_s + JOINING_S)
    left = box.left[have : have + 1]
    return {
        "state": box.state,
        "got": len(box.said),
        "more": left[0] if left and box.who else None,
        "left_s": round(max(0.0, box.until_s - now_s), 1),
    }


def _took(box: Mailbox, asked: Mapping[str, object]) -> bool:
    """Keep what a device says, once, however often it says so; return whether it was new."""
    if (say := asked.get("say")) is None:
        return False
    text, place = _text(say), _count(asked["at"])
    fresh = place == len(box.said) < MOST_MESSAGES
    if fresh:
        box.said.append(text)
    return fresh


def _text(value: object) -> str:
    if not isinstance(value, str) or not join_messages.fits_message(value):
        raise ValueError("this is no text")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST_MESSAGES:
        raise ValueError("this is no count")
    return value
