"""The policies of an edge on its disk: what runs, what was confirmed last, what is on trial.

    policy.json            the signed policy that runs
    policy.good.json       the one confirmed last, to which a trial returns
    staged.policy.json     a candidate, with its transaction in staged.json
    trial.json             the trial that is not over; renamed to trial.confirming.json or
                           trial.reverting.json once its end is decided
    last.json              how the last transaction ended
    tried.json             the newest policy that ever ran: no older one is taken again

Each step is one rename, so that a process killed anywhere is continued by the next one. Ending a
trial needs no room on the disk.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from filecmp import cmp
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias

from edge.clock import Moment
from edge.policy import canonical
from edge.policy.canonical import SignedPolicy
from edge.policy.errors import LARGEST_POLICY, TransactionError, checked_txn
from edge.storage import atomic
from inventory.errors import EdgeError, PolicyRefusedError
from inventory.model import DeviceName

LONGEST_TRIAL_S: Final = 86_400
RUNNING: Final = "policy.json"
GOOD: Final = "policy.good.json"
STAGED: Final = "staged.policy.json"
_STAGED_RECORD: Final = "staged.json"
_TRIAL: Final = "trial.json"
_CONFIRMING: Final = "trial.confirming.json"
_REVERTING: Final = "trial.reverting.json"
_LAST: Final = "last.json"
_TRIED: Final = "tried.json"

# Returns the policy of an envelope, which a file of that name holds, or raises PolicyRefusedError.
Verify: TypeAlias = Callable[[str, str], SignedPolicy]
TrialOutcome: TypeAlias = Literal["confirmed", "rolled-back", "expired", "restarted", "rejected"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A policy that runs until it is confirmed or its time is up; deadline_s is since boot."""

    txn: str
    boot: str
    deadline_s: float

    def left_s(self, now: Moment) -> float:
        """Return the time left to confirm; a trial from before a restart has none."""
        return self.deadline_s - now.since_boot_s if now.boot == self.boot else 0.0


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """The policy to run, if any, and why one that was found on the disk is not it.

    undecided says that none could be looked at now, though there may be one.
    """

    signed: SignedPolicy | None
    refused: str = ""
    undecided: bool = False


class PolicyStore:
    """The policy files of one edge; one process uses them at a time, which the lock sees to."""

    def __init__(self, folder: Path, device: DeviceName, verify: Verify) -> None:
        self._folder = folder
        self._device = device
        self._verify = verify

    def load(self) -> LoadedPolicy:
        """Return the policy that runs, or the one confirmed last when that one is unusable."""
        refusals, undecided = [], False
        for name in (RUNNING, GOOD):
            try:
                signed = self._read(name)
            except EdgeError as error:
                refusals.append(str(error))
                undecided |= not isinstance(error, PolicyRefusedError)
                continue
            if signed is not None:
                return LoadedPolicy(signed, "\n".join(refusals))
        return LoadedPolicy(None, "\n".join(refusals), undecided)

    def adopt(self) -> None:
        """Count what runs as confirmed unless it is on trial, also when it was put there by hand.

        Raises OSError.
        """
        running, good = self._folder / RUNNING, self._folder / GOOD
        if self.trial() is None and not (good.exists() and cmp(running, good, shallow=False)):
            atomic.copy_file(running, good)

    def recover(self, now: Moment) -> TrialOutcome | None:
        """Finish what a killed process left half-way, and end a trial whose time is up.

        Return how a trial has ended here, or None. Raises OSError.
        """
        if (self._folder / _CONFIRMING).exists():
            return self._confirmed()
        if (self._folder / _REVERTING).exists():
            return self._reverted("expired")
        trial = self.trial()
        if trial is not None and not self._begun():
            return self.revert("rejected")
        if trial is None or trial.left_s(now) > 0:
            return None
        return self.revert("expired" if trial.boot == now.boot else "restarted")

    def trial(self) -> Trial | None:
        """Return the trial that waits for its confirmation. Raises OSError."""
        path = self._folder / _TRIAL
        record = atomic.read_record(path)
        if record is None:
            # A torn record, which no power cut leaves, counts as one whose time is up.
            return Trial("", "", 0.0) if path.exists() else None
        return Trial(
            str(record.get("txn", "")), str(record.get("boot", "")), _number(record, "deadline_s")
        )

    def staged(self) -> str | None:
        """Return the transaction of the candidate. Raises OSError."""
        record = atomic.read_record(self._folder / _STAGED_RECORD)
        return str(record["txn"]) if record and "txn" in record else None

    def last(self) -> Mapping[str, object] | None:
        """Return how the last transaction ended. Raises OSError."""
        return atomic.read_record(self._folder / _LAST)

    def stage(
        self, txn: str, envelope: str, running: SignedPolicy | None, *, file: str = "candidate"
    ) -> SignedPolicy:
        """Keep a candidate and return it; file names it in refusals.

        Raises PolicyRefusedError when it is not signed, not for this device, not newer than what
        runs, or older than what was tried, OSError when the disk does not take it.
        """
        checked_txn(txn)
        signed = self._checked(envelope, file)
        serial, digest = self._tried()
        if running and signed.serial <= running.serial:
            raise _outdated(file, signed, f"{running.serial}, which runs")
        # What was tried last may be tried again, as it was.
        if signed.serial < serial or (signed.serial == serial and _digest(envelope) != digest):
            raise _outdated(file, signed, f"{serial}, which was tried before")
        atomic.remove(self._folder / _STAGED_RECORD)
        atomic.replace(self._folder / STAGED, envelope)
        record = {"txn": txn, "seen": self._seen()}
        atomic.replace(self._folder / _STAGED_RECORD, canonical.canonical_json(record))
        return signed

    def begin(self, txn: str, within_s: int, now: Moment) -> SignedPolicy:
        """Let the candidate be what runs, on trial, and return it.

        Raises TransactionError, PolicyRefusedError, OSError; nothing has changed then.
        """
        record = atomic.read_record(self._folder / _STAGED_RECORD)
        if not record or record.get("txn") != txn:
            raise TransactionError("unknown", f"transaction {txn} is not staged; stage it first")
        if record.get("seen") != self._seen():
            raise TransactionError("changed", "another policy runs since staging; plan again")
        signed = self._read(STAGED)
        if signed is None:
            raise TransactionError("unknown", f"transaction {txn} has lost its candidate")
        tried = {"serial": signed.serial, "digest": _digest(self._text(STAGED) or "")}
        atomic.replace(self._folder / _TRIED, canonical.canonical_json(tried))
        self._arm(txn, within_s, now)
        try:
            atomic.copy_file(self._folder / STAGED, self._folder / RUNNING)
        except OSError:
            self._reverted("rejected", _TRIAL)
            raise
        return signed

    def forget(self, txn: str) -> None:
        """Let a candidate not be put into effect any more. Raises OSError."""
        if self.staged() == txn:
            atomic.remove(self._folder / _STAGED_RECORD)

    def extend(self, txn: str, within_s: int, now: Moment) -> None:
        """Start the time of a trial again. Raises TransactionError, OSError."""
        trial = self.trial()
        if trial is None or trial.txn != txn:
            raise TransactionError("undone", f"transaction {txn} is not unconfirmed any more")
        self._arm(txn, within_s, now)

    def confirm(self) -> TrialOutcome:
        """Keep what is on trial for good. Raises OSError."""
        # This rename decides: from here on nothing returns to the former policy.
        atomic.rename(self._folder / _TRIAL, self._folder / _CONFIRMING)
        return self._confirmed()

    def revert(self, outcome: TrialOutcome) -> TrialOutcome:
        """Let what was confirmed last be what runs again. Raises OSError."""
        # This rename decides: from here on nobody can confirm.
        atomic.rename(self._folder / _TRIAL, self._folder / _REVERTING)
        return self._reverted(outcome)

    def _confirmed(self) -> TrialOutcome:
        atomic.copy_file(self._folder / RUNNING, self._folder / GOOD)
        self._end(_CONFIRMING, "confirmed")
        return "confirmed"

    def _begun(self) -> bool:
        """Return whether what is on trial runs: a kill may come between the two."""
        running, good = self._folder / RUNNING, self._folder / GOOD
        return running.exists() and not (good.exists() and cmp(running, good, shallow=False))

    def _reverted(self, outcome: TrialOutcome, name: str = _REVERTING) -> TrialOutcome:
        good = self._folder / GOOD
        if good.exists():
            atomic.copy_file(good, self._folder / RUNNING)
        else:
            atomic.remove(self._folder / RUNNING)
        self._end(name, outcome)
        return outcome

    def _end(self, name: str, outcome: TrialOutcome) -> None:
        record = atomic.read_record(self._folder / name) or {}
        with suppress(OSError):  # on a full disk the end matters, not the note of it
            ended = {"txn": record.get("txn"), "outcome": outcome}
            atomic.replace(self._folder / _LAST, canonical.canonical_json(ended))
        atomic.remove(self._folder / name)

    def _arm(self, txn: str, within_s: int, now: Moment) -> None:
        if not 0 < within_s <= LONGEST_TRIAL_S:
            raise TransactionError("usage", f"the time to confirm is 1 to {LONGEST_TRIAL_S} s")
        trial = {"txn": txn, "boot": now.boot, "deadline_s": now.since_boot_s + within_s}
        atomic.replace(self._folder / _TRIAL, canonical.canonical_json(trial))

    def newest(self, running: SignedPolicy | None) -> int:
        """Return the serial that the next policy must be above. Raises OSError."""
        return max(running.serial if running else 0, self._tried()[0])

    def _tried(self) -> tuple[int, str]:
        """Return serial and digest of the newest policy that ever ran. Raises OSError."""
        record = atomic.read_record(self._folder / _TRIED) or {}
        return int(_number(record, "serial")), str(record.get("digest", ""))

    def _seen(self) -> str:
        path = self._folder / RUNNING
        return sha256(path.read_bytes()).hexdigest() if path.exists() else ""

    def _read(self, name: str) -> SignedPolicy | None:
        """Return the policy of a file, None if there is no file. Raises PolicyRefusedError."""
        envelope = self._text(name)
        return None if envelope is None else self._checked(envelope, name)

    def _text(self, name: str) -> str | None:
        """Return what a file holds, None if there is no file. Raises PolicyRefusedError."""
        try:
            with (self._folder / name).open(encoding="utf-8") as file:
                return file.read(LARGEST_POLICY + 1)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyRefusedError(f"{name}: cannot be read: {error}") from error

    def _checked(self, envelope: str, file: str) -> SignedPolicy:
        signed = self._verify(envelope, file)
        if signed.policy.device != self._device:
            raise PolicyRefusedError(
                f"{file}#/policy/device: the policy is for {signed.policy.device!r}, this is "
                f"'{self._device}'; take this device's policy, or enrol it under that name"
            )
        return signed


def _digest(envelope: str) -> str:
    return sha256(envelope.encode("utf-8", "surrogateescape")).hexdigest()


def _outdated(file: str, signed: SignedPolicy, than: str) -> PolicyRefusedError:
    return PolicyRefusedError(
        f"{file}#/serial: serial {signed.serial} is not newer than {than}; let the controller "
        "sign the policy again"
    )


def _number(record: Mapping[str, object], key: str) -> float:
    value = record.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0
