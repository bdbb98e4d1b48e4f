"""One SNMP agent over a session that is kept; what it answers is bounded, whatever it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import Final, TypeAlias, TypeVar

from gufo.snmp import Aes128Key, Sha256Key, SnmpAuthError, SnmpDecodeError, SnmpError, User
from gufo.snmp import SnmpVersion as GufoVersion
from gufo.snmp.aio import SnmpSession

from controller.snmp.model import Value
from controller.snmp.targets import Target
from controller.transport.netns import inside
from inventory.errors import DeviceError, UnreachableError
from inventory.model import SnmpVersion

ANSWER_WITHIN_S: Final = 2.0
TRIES: Final = 2
# A request with more values may not fit into one packet.
MOST_VALUES: Final = 27
MOST_ROWS: Final = 4096
WALK_WITHIN_S: Final = 30.0
ROWS_AT_ONCE: Final = 20
# An agent takes no message whose clock is off by more than 150 s (RFC 3414); ours counts on.
CLOCK_FRESH_S: Final = 120.0

T = TypeVar("T")
Rows: TypeAlias = tuple[tuple[str, Value], ...]


@contextmanager
def _no_panic() -> Iterator[None]:
    """Turn a panic of the library, with which it ends on torn answers, into its own error."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise SnmpDecodeError("the answer cannot be read") from None
        raise


class RefusedError(DeviceError):
    """The agent answers, but not as it should: wrong secrets, or no sound SNMP."""


class Agent:
    """A device's SNMP agent. Not for use by two tasks at once."""

    def __init__(
        self, target: Target, namespace: str | None = None, *, within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self.target = target
        self._namespace = namespace
        self._within_s = within_s
        self._session: SnmpSession | None = None
        self._clock_read_s = 0.0

    async def get(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Return the values that the agent has of those asked for.

        Raises UnreachableError when nothing comes back, RefusedError when secrets are wrong.
        """
        values: dict[str, Value] = {}
        for first in range(0, len(names), MOST_VALUES):
            values |= await self._get_some(names[first : first + MOST_VALUES])
        return values

    async def walk(self, root: str) -> Rows:
        """Return the rows below a name, at most MOST_ROWS.

        Raises UnreachableError when nothing comes back or the walk has no end, RefusedError when
        the names do not increase.
        """
        try:
            async with asyncio.timeout(WALK_WITHIN_S):
                return await self._walk_halving(root)
        except TimeoutError:
            self.forget()
            raise UnreachableError(
                self.target.device, f"a walk of {root} did not end within {WALK_WITHIN_S:g} s"
            ) from None

    @property
    def engine(self) -> bytes:
        """Return the agent's engine id; empty until it answered, or where it is not version 3."""
        if self._session is None or self.target.version is not SnmpVersion.V3:
            return b""
        return self._session.get_engine_id()

    def forget(self) -> None:
        """Let go of the session, so that a late answer is not taken for one to a later question."""
        self._session = None

    async def _get_some(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Ask for some values; in halves when the answer is too big or cannot be read.

        The library takes the answer tooBig, which has no values, for one without any of these.
        """
        with suppress(SnmpError):
            if values := await self._tried(lambda session: session.get_many(names)):
                return values
        if len(names) == 1:
            return {}
        middle = len(names) // 2
        return {**await self._get_some(names[:middle]), **await self._get_some(names[middle:])}

    async def _tried(self, ask: Callable[[SnmpSession], Awaitable[T]]) -> T:
        """Ask a session, and once more over another when nothing or a refusal comes back.

        An agent of version 3 that restarted refuses the clock that it had before.
        """
        failure: DeviceError = self._silent()
        for _ in range(TRIES):
            try:
                with _no_panic():
                    return await ask(await self._ready())
            except TimeoutError:
                failure = self._silent()
            except SnmpAuthError:
                failure = self._refused()
            except OSError as error:
                failure = UnreachableError(
                    self.target.device, f"SNMP cannot be sent: {error.strerror}"
                )
            except SnmpError:
                self.forget()
                raise
            self.forget()
        raise failure

    async def _walk_halving(self, root: str) -> Rows:
        """Walk; with half as many rows in an answer when one was too big for a packet."""
        at_once = ROWS_AT_ONCE
        while at_once:
            try:
                return await self._tried(partial(self._walk_once, root, at_once))
            except SnmpError:
                at_once //= 2
        return ()

    async def _walk_once(self, root: str, at_once: int, session: SnmpSession) -> Rows:
        return await self._collect(root, session.getbulk(root, at_once))

    async def _collect(self, root: str, rows: AsyncIterator[tuple[str, Value]]) -> Rows:
        collected: list[tuple[str, Value]] = []
        last: tuple[int, ...] = ()
        async for name, value in rows:
            number = tuple(map(int, name.split(".")))
            if number <= last:
                self.forget()
                raise RefusedError(
                    self.target.device, f"its agent answers a walk of {root} in circles"
                )
            last = number
            collected.append((name, value))
            if len(collected) == MOST_ROWS:
                break
        return tuple(collected)

    async def _ready(self) -> SnmpSession:
        """Return a session; of version 3 one that knows the agent's clock."""
        if self._session is None:
            self._session = inside(self._namespace, self._open)
            self._clock_read_s = 0.0
        if self.target.version is SnmpVersion.V3:
            await self._read_clock(self._session)
        return self._session

    async def _read_clock(self, session: SnmpSession) -> None:
        now = monotonic()
        if not self._clock_read_s or now - self._clock_read_s > CLOCK_FRESH_S:
            await session.refresh()
            self._clock_read_s = now

    def _open(self) -> SnmpSession:
        target = self.target
        if target.version is SnmpVersion.V2C:
            return SnmpSession(
                target.address,
                target.port,
                community=target.community,
                version=GufoVersion.v2c,
                timeout=self._within_s,
            )
        user = User(
            name=target.user,
            auth_key=Sha256Key(target.authentication.encode()),
            priv_key=Aes128Key(target.privacy.encode()),
        )
        return SnmpSession(target.address, target.port, user=user, timeout=self._within_s)

    def _silent(self) -> UnreachableError:
        what = (
            "its privacy passphrase" if self.target.version is SnmpVersion.V3 else "the community"
        )
        where = f"{self.target.address} port {self.target.port}"
        return UnreachableError(
            self.target.device,
            f"no answer to SNMP from {where}; does it run there, is {what} right?",
        )

    def _refused(self) -> RefusedError:
        return RefusedError(
            self.target.device,
            f"refused SNMP user {self.target.user}; check the user and its authentication "
            "passphrase at both ends",
        )
