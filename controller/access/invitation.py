"""The controller's side of an invitation: a gateway carries what both sides say to each other.

The gateway is asked again and again over the door by which it is told everything else; that a
connection fails now and then does not end an invitation.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from controller.clock import Clock
from controller.drivers.protocol import ConnectEdge, EdgeDriver
from edge.remote_access import join_code, join_payload, sas
from edge.remote_access.join_code import Invitation
from edge.remote_access.join_device import LATER, LET_IN
from edge.remote_access.mailbox import State
from inventory.errors import AccessError, DeviceError, EdgeError, SanagaError, UnreachableError
from inventory.model import DeviceName
from vpn.key_text import PublicKey
from vpn.model import Endpoint, Gateway
from vpn.people.terms import AccessTerms
from vpn.wireguard import keys

# Each time, a process answers at the gateway.
POLL_S: Final = 2.0
# A gateway may be out of reach for so long while a device is waited for.
PATIENCE_S: Final = 60.0
_STRANGE: Final = "the device does not follow the protocol; ask what it runs, and invite again"
_TWICE: Final = (
    "the code was used twice, by somebody else as well or by the same person again; nobody was let "
    "in: invite again, over another telephone if you can"
)
_ENDED: Final = {
    State.EXPIRED: "the code has expired before the device was let in; invite again",
    State.WITHDRAWN: "the gateway ended the invitation, which nobody looked after; invite again",
    State.DONE: "somebody else ended the invitation; invite again",
}

Json: TypeAlias = Mapping[str, Any]
# Is called with how long the invitation holds yet, each time that the gateway was asked.
Tick: TypeAlias = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class InvitedDevice:
    """A device that came: its public key, what its owner must read, and is read back."""

    key: PublicKey
    words: str
    back: str
    end_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a mailbox holds."""

    state: State
    who: str
    said: tuple[str, ...]
    rivals: int
    left_s: float


def _unseen(_left_s: float) -> None:
    """Tell nobody how long an invitation holds."""


@dataclass(frozen=True, slots=True)
class GatewaySkipped:
    """A gateway is not reached, so another one is asked; because says why."""

    because: str


@dataclass(frozen=True, slots=True)
class InvitationVoided:
    """An invitation was taken back; its code serves nobody any more."""


Report: TypeAlias = Callable[[GatewaySkipped | InvitationVoided], None]


class InvitationSession:
    """One invitation, from its making to its end: guest, hand, written, entered, then done.

    What is closed before it was entered is taken back.
    """

    def __init__(self, gate: EdgeDriver, invited: Invitation, clock: Clock) -> None:
        self.invited = invited
        self._gate = gate
        self._clock = clock
        self._leave: list[str] = []
        self._left = 0
        self._entered = False
        self.state: State | None = None

    def open(self, lasts_s: int = join_code.LASTS_S) -> None:
        """Have the gateway know of the invitation. Raises DeviceError."""
        key = base64.b64encode(self.invited.mailbox_key).decode("ascii")
        port = self.invited.where.port
        self._asked("open", key=key, port=port, lasts_s=lasts_s)
        self.state = State.OPEN

    def guest(self, tick: Tick = _unseen) -> InvitedDevice:
        """Return the device that comes. Raises AccessError when none does, and DeviceError."""
        committed = self._until(lambda seen: bool(seen.who), tick).who
        private, chosen = keys.generate_pair()
        self._leave.append(chosen)
        told = self._until(lambda seen: bool(seen.said), tick).said[0]
        try:
            read = json.loads(told)
            key, nonce = keys.parse_public(str(read["key"])), bytes.fromhex(str(read["nonce"]))
            digest = join_code.transcript(committed, chosen, key, nonce)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise AccessError(_STRANGE) from None
        end_key = self.invited.end_key(private, key, digest)
        return InvitedDevice(
            key, sas.device_words(digest), sas.administrator_words(digest), end_key
        )

    def hand(self, guest: InvitedDevice, text: str) -> None:
        """Leave a device its file, which nobody else can read.

        Raises AccessError when somebody else used the code, too, and DeviceError.
        """
        self._look()
        self._leave += join_payload.seal_file(text, guest.end_key, guest.key)
        self._look()

    def written(self, guest: InvitedDevice, tick: Tick = _unseen) -> None:
        """Wait until the device says that it has kept its file. Raises as guest() does."""
        told = self._until(lambda seen: len(seen.said) > 1, tick).said[1]
        try:
            join_payload.verify_tag(told, guest.end_key)
        except EdgeError:
            raise AccessError(_STRANGE) from None

    def entered(self, enter: Callable[[], None]) -> None:
        """Put the device on record by enter, after which it is not told otherwise any more.

        When that is interrupted nobody knows whether it was, and the device hears nothing either.
        """
        self._entered = True
        try:
            enter()
        except SanagaError:
            self._entered = False
            raise

    def done(self, guest: InvitedDevice, *, let_in: bool) -> None:
        """Tell the device whether its gateway lets it in by now, and end the invitation.

        Raises AccessError when the invitation had ended before, and DeviceError.
        """
        word = join_payload.tag_word(LET_IN if let_in else LATER, guest.end_key)
        if self._patiently("end", state=State.DONE, last=word).get("state") != State.DONE:
            raise AccessError("its invitation had ended by then; it knows when it dials")
        self.state = State.DONE

    def close(self) -> bool:
        """Take the invitation back unless it has ended, and return whether that was done.

        Raises DeviceError.
        """
        still = self.state is State.OPEN and not self._entered
        if still:
            # A gateway that is out of reach ends it by itself, so nobody waits for that.
            self._asked("end", state=State.WITHDRAWN, last="")
            self.state = State.WITHDRAWN
        return still

    def _until(self, come: Callable[[_Seen], bool], tick: Tick) -> _Seen:
        """Return what the mailbox holds as soon as something is there."""
        while True:
            seen = self._look()
            if come(seen):
                return seen
            tick(seen.left_s)
            self._clock.pause(POLL_S)

    def _look(self) -> _Seen:
        """Return what the mailbox holds. Raises AccessError when the invitation has ended."""
        fresh = self._leave if len(self._leave) > self._left else []
        seen = _read(self._patiently("look", have=0, leave=fresh))
        self._left = len(self._leave)
        if seen.rivals:
            raise AccessError(_TWICE)
        if seen.state is not State.OPEN:
            self.state = seen.state
            raise AccessError(_ENDED[seen.state])
        return seen

    def _patiently(self, what: str, **told: object) -> Json:
        """Ask the gateway, again while it is out of reach, but not for ever."""
        began_s = self._clock.now()
        while True:
            try:
                return self._asked(what, **told)
            except UnreachableError:
                if self._clock.now() - began_s > PATIENCE_S:
                    raise
                self._clock.pause(POLL_S)

    def _asked(self, what: str, **told: object) -> Json:
        return self._gate.join({"do": what, "name": self.invited.name, **told})


def joining_gateways(terms: AccessTerms, preferred: DeviceName | None) -> tuple[Gateway, ...]:
    """Return the gateways that take devices in, the preferred one first. Raises AccessError."""
    found = [g for g in terms.gateways if g.enrolment_port and g.device in terms.doors]
    if not found:
        raise AccessError(
            "no gateway takes devices in from the field; write an enrolment_port, such as 51830, "
            "for one that has a management address into gateways of the intent, and say 'sanaga "
            "vpn apply --dir DIR'"
        )
    return tuple(sorted(found, key=lambda one: one.device != preferred))


@contextmanager
def open_invitation(
    gateways: Sequence[Gateway], connect: ConnectEdge, clock: Clock, report: Report
) -> Iterator[InvitationSession]:
    """Open an invitation at the first gateway that is reached; after the block it is over.

    Raises DeviceError.
    """
    session, driver = _first_reached(gateways, connect, clock, report)
    try:
        yield session
    finally:
        with suppress(DeviceError):
            if session.close():
                report(InvitationVoided())
        driver.close()


def _first_reached(
    gateways: Sequence[Gateway], connect: ConnectEdge, clock: Clock, report: Report
) -> tuple[InvitationSession, EdgeDriver]:
    *others, last = gateways
    for gateway in others:
        try:
            return _opened(gateway, connect, clock)
        except UnreachableError as error:
            report(GatewaySkipped(str(error)))
    return _opened(last, connect, clock)


def _opened(
    gateway: Gateway, connect: ConnectEdge, clock: Clock
) -> tuple[InvitationSession, EdgeDriver]:
    driver = connect(gateway.device)
    where = Endpoint(gateway.endpoint.host, gateway.enrolment_port)
    session = InvitationSession(driver, join_code.new_invitation(where), clock)
    try:
        session.open()
    except SanagaError:
        driver.close()
        raise
    return session, driver


@contextmanager
def refusal_noted(note: Callable[[str], None]) -> Iterator[None]:
    """Note that an invited device was not let in, if an error says so."""
    try:
        yield
    except SanagaError as error:
        note(str(error).partition("; ")[0])
        raise


def _read(said: Json) -> _Seen:
    try:
        return _Seen(
            State(said["state"]),
            str(said["who"]),
            tuple(map(str, said["said"])),
            int(said["rivals"]),
            max(0.0, min(float(said["left_s"]), 1e6)),
        )
    except (ArithmeticError, KeyError, TypeError, ValueError):
        raise AccessError(
            "what the gateway says of the invitation makes no sense; update the edge's program "
            "there, and invite again"
        ) from None
