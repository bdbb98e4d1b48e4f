"""What may be done to an edge's policy: stage, commit on trial, extend, confirm, roll back.

A policy on trial returns by itself; the timer is on the disk, so that it outlives the daemon.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from edge.clock import Moment
from edge.policy import canonical
from edge.policy.canonical import SignedPolicy
from edge.policy.errors import TransactionError
from edge.policy.model import EdgePolicy
from edge.policy.store import LoadedPolicy, PolicyStore, Trial, TrialOutcome
from inventory.errors import EdgeError

Json: TypeAlias = Mapping[str, Any]
Install: TypeAlias = Callable[[EdgePolicy | None], Awaitable[None]]
Note: TypeAlias = Callable[[str], None]

_LONGEST_DELTA: Final = 400
_ENDS: Final[Mapping[TrialOutcome, str]] = {
    "confirmed": "is confirmed",
    "rolled-back": "is taken back as asked",
    "expired": "is taken back: nobody confirmed it in time",
    "restarted": "is taken back: the machine restarted before it was confirmed",
    "rejected": "is taken back: it could not be put into effect",
}


class Transactions:
    """The policy of a running edge; install puts one into effect, note keeps a sentence.

    running is what should run; refused says why a policy found on the disk is not it, undecided
    that nothing on it could be looked at yet.
    """

    def __init__(self, store: PolicyStore, install: Install, clock: Callable[[], Moment]) -> None:
        self._store = store
        self._install = install
        self._clock = clock
        self._busy = asyncio.Lock()
        self._returning: Trial | None = None
        self._confirmed: SignedPolicy | None = None
        self.running: SignedPolicy | None = None
        self.undecided = False
        self.refused = ""
        self.notes: list[str] = []

    def open(self) -> None:
        """Take up the policy on the disk, after finishing what was left half-way.

        Raises OSError.
        """
        try:
            outcome = self._store.recover(self._clock())
        finally:
            # A disk that takes nothing must not keep the policy on it from running.
            self._load(self._store.load())
        if outcome:
            self._told(outcome)
        if self.running and not self.refused:
            self._store.adopt()

    def _load(self, loaded: LoadedPolicy) -> None:
        self.undecided = loaded.undecided and loaded.signed is None
        self.running, self.refused = loaded.signed, loaded.refused
        if self.running and self._store.trial() is None:
            self._confirmed = self.running
        for line in self.refused.splitlines():
            self.notes.append(f"refused: {line}")

    @property
    def policy(self) -> EdgePolicy | None:
        """Return the policy that should run."""
        return self.running.policy if self.running else None

    def status(self) -> Json:
        """Return what a driver asks first: what waits, for how long, and what ended how."""
        # A trial is over when what ran before runs again.
        trial, now = self._store.trial() or self._returning, self._clock()
        policy = self.policy
        return {
            "pending": trial.txn if trial else None,
            "left_s": round(max(0.0, trial.left_s(now)), 1) if trial else None,
            "staged": self._store.staged(),
            "last": self._store.last(),
            "serial": self.running.serial if self.running else 0,
            "newest_serial": self._store.newest(self.running),
            "issued_at": self.running.issued_at.isoformat() if self.running else None,
            "loopback": str(policy.loopback) if policy else None,
            "refused": self.refused,
        }

    def read(self) -> Json:
        """Return the canonical text of the policy that runs; nothing if there is no policy."""
        return {"config": self._text()}

    async def stage(self, txn: str, candidate: str) -> Json:
        """Keep a candidate and return how it differs from what runs."""
        async with self._turn(None):
            before = self._text()
            signed = await asyncio.to_thread(self._store.stage, txn, candidate, self.running)
            return {"delta": _delta(before, canonical.policy_text(signed.policy))}

    async def commit(self, txn: str, within_s: int) -> Json:
        """Put the candidate into effect on trial."""
        async with self._turn(txn) as trial:
            if trial is None:
                signed = await asyncio.to_thread(self._store.begin, txn, within_s, self._clock())
                await self._change(signed)
                self.notes.append(
                    f"policy {signed.serial} is on trial for {within_s} s (transaction {txn})"
                )
            return {"pending": txn, "left_s": self._left_s()}

    async def extend(self, txn: str, within_s: int) -> Json:
        """Start the time of a trial again."""
        async with self._turn(txn):
            self._store.extend(txn, within_s, self._clock())
            return {"pending": txn, "left_s": self._left_s()}

    async def confirm(self, txn: str) -> Json:
        """Keep what is on trial."""
        async with self._turn(txn) as trial:
            if trial:
                self._told(self._store.confirm())
                self._confirmed = self.running
            last = self._store.last()
            known = last and last.get("txn") == txn
            if not (trial or known):
                what = f"transaction {txn} is not on trial, nor was it the last that was"
                raise TransactionError("unknown", what)
            if last and known and last.get("outcome") != "confirmed":
                what = f"transaction {txn} was undone before ({last.get('outcome')})"
                raise TransactionError("undone", what)
            return {"last": last}

    async def rollback(self, txn: str) -> Json:
        """Return to what was confirmed last."""
        async with self._turn(txn) as trial:
            self._store.forget(txn)
            if trial:
                await self._undo("rolled-back")
            return {"last": self._store.last()}

    async def tend(self) -> None:
        """End a trial whose time is up, and look again at a policy that could not be looked at.

        Raises EdgeError, OSError.
        """
        async with self._busy:
            if self.undecided:
                self._load(await asyncio.to_thread(self._store.load))
                if not self.undecided:
                    await self._install(self.policy)
            await self._expire()

    @asynccontextmanager
    async def _turn(self, txn: str | None) -> Any:
        """Let one request through at a time; refuse while another transaction is on trial."""
        async with self._busy:
            await self._expire()
            trial = self._store.trial()
            if trial and trial.txn != txn:
                left = round(trial.left_s(self._clock()))
                what = f"transaction {trial.txn} is unconfirmed for {left} s more"
                raise TransactionError("pending", what)
            yield trial

    async def _expire(self) -> None:
        trial = self._store.trial()
        if trial and trial.left_s(self._clock()) <= 0:
            await self._undo("expired")

    async def _change(self, signed: SignedPolicy) -> None:
        """Put a policy into effect, or what was confirmed last when that fails."""
        self.running, self.refused = signed, ""
        try:
            await self._install(signed.policy)
        except EdgeError as error:
            await self._undo("rejected")
            raise TransactionError("rejected", str(error)) from error

    async def _undo(self, outcome: TrialOutcome) -> None:
        self._returning = self._store.trial()
        try:
            await self._return(outcome)
        finally:
            self._returning = None

    async def _return(self, outcome: TrialOutcome) -> None:
        self._told(await asyncio.to_thread(self._store.revert, outcome))
        loaded = await asyncio.to_thread(self._store.load)
        if loaded.undecided and loaded.signed is None:
            loaded = LoadedPolicy(self._confirmed, loaded.refused)
        self._load(loaded)
        # What does not take effect now does so when the data plane is next repaired.
        with suppress(EdgeError):
            await self._install(self.policy)

    def _told(self, outcome: TrialOutcome) -> None:
        serial = f"policy {self.running.serial}" if self.running else "the policy on trial"
        self.notes.append(f"{serial} {_ENDS[outcome]}")

    def _left_s(self) -> float:
        trial: Trial | None = self._store.trial()
        return round(trial.left_s(self._clock()), 1) if trial else 0.0

    def _text(self) -> str:
        return canonical.policy_text(self.policy) if self.policy else ""


def _delta(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "running", "candidate")
    shown = [line.rstrip("\n") for line in lines]
    more = len(shown) - _LONGEST_DELTA
    return "\n".join(shown[:_LONGEST_DELTA] + ([f"and {more} more lines"] if more > 0 else []))
