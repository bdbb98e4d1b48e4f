"""A device in the field joins: it makes its own key, and a gateway carries what both ends say.

Who knows the code and stands in between is found out by the words that people read to each other,
since the device commits to its key before it receives the controller's (RFC 6189, section 4.4.1.1,
does the same). What is sent afterwards bears a tag with a key that follows from both, so that
nobody takes the controller's place once the words were compared.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeAlias

from edge.remote_access import join_code, join_payload, sas
from edge.remote_access.join_code import Invitation
from inventory.errors import EdgeError
from vpn.wireguard import keys, parser
from vpn.wireguard.config import Config
from vpn.wireguard.key_backends import MakePair

POLL_S: Final = 1.0
# What is said once the words were compared, each with a tag.
WRITTEN: Final = "written"
LET_IN: Final = "in"
LATER: Final = "later"
_WHY: Final = {
    "taken": "this code was used before, here or by somebody else; ask for another one",
    "expired": "this code has expired; ask for another one",
    "withdrawn": (
        "the administrator took the invitation back; if they heard other words than you read, "
        "somebody is listening: ask for another code over another telephone"
    ),
    "done": "the invitation has ended; ask for another code",
}
_STRANGE: Final = "the gateway says what makes no sense; ask for another code"


class WithdrawnError(EdgeError):
    """The administrator took the invitation back: the device has no access."""


Json: TypeAlias = Mapping[str, Any]
Pause: TypeAlias = Callable[[float], None]


class Asker(Protocol):
    """What carries requests to the gateway."""

    def ask(self, body: Json) -> Json:
        """Return the answer to a request. Raises EdgeError."""
        ...


@dataclass(frozen=True, slots=True)
class Sas:
    """What a device's owner reads to the administrator, and what they must hear back."""

    said: str
    back: str


@dataclass(frozen=True, slots=True)
class _Answer:
    state: str
    got: int
    more: str | None = field(repr=False)


class JoiningDevice:
    """One device's side, in this order: words, config, written, let_in. All raise EdgeError.

    pair makes the device's keys, at once.
    """

    def __init__(
        self, invited: Invitation, line: Asker, pause: Pause, pair: MakePair = keys.generate_pair
    ) -> None:
        self._invited = invited
        self._line = line
        self._pause = pause
        self._private, self._key = pair()
        self._nonce = os.urandom(join_code.NONCE)
        self._committed = join_code.commitment(self._key, self._nonce)
        self._heard = 0
        self._said = 0
        self._end_key = b""

    def words(self) -> Sas:
        """Return both short authentication strings, as soon as the controller has answered."""
        chosen = self._next()
        self._say(json.dumps({"key": self._key, "nonce": self._nonce.hex()}))
        try:
            digest = join_code.transcript(self._committed, chosen, self._key, self._nonce)
            self._end_key = self._invited.end_key(self._private, chosen, digest)
        except ValueError as error:
            raise EdgeError(f"the gateway says what makes no sense: {error}") from None
        return Sas(sas.device_words(digest), sas.administrator_words(digest))

    def config(self) -> Config:
        """Return the device's configuration with its key, once the administrator has agreed.

        Raises IntentError, too, when what was sent is no wg-quick file.
        """
        first = self._next()
        pieces = [first, *(self._next() for _ in range(join_payload.piece_count(first) - 1))]
        text = join_payload.open_file(pieces, self._end_key, self._private)
        return replace(parser.parse_config(text, "what was sent"), private_key=self._private)

    def written(self) -> None:
        """Say that the file is kept; from then on the device may be on record."""
        self._say(join_payload.tag_word(WRITTEN, self._end_key))

    def let_in(self) -> bool:
        """Return whether the gateway lets the device in by now.

        Raises WithdrawnError when it has no access, EdgeError when that is not known.
        """
        return join_payload.verify_tag(self._next(), self._end_key) == LET_IN

    def _next(self) -> str:
        """Return the next message of the controller, however long people take."""
        while (more := self._asked({}).more) is None:
            self._pause(POLL_S)
        self._heard += 1
        return more

    def _say(self, text: str) -> None:
        """Leave a message, once."""
        answer = self._asked({"say": text, "at": self._said})
        self._said += 1
        if answer.got < self._said:
            raise EdgeError(_WHY.get(answer.state, _STRANGE))

    def _asked(self, further: Json) -> _Answer:
        said = self._line.ask({"who": self._committed, "have": self._heard, **further})
        state, got, more = said.get("state"), said.get("got", 0), said.get("more")
        if type(got) is not int or not isinstance(more, str | None):
            raise EdgeError(_STRANGE)
        if state == "withdrawn" and more is None:
            raise WithdrawnError(_WHY[state])
        if state != "open" and more is None:
            raise EdgeError(_WHY.get(str(state), _STRANGE))
        return _Answer(str(state), got, more)
