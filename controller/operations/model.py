"""Operations as values: what somebody asked a running controller to do, and how it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from controller.planning.from_folder import PlanChoices
from inventory.errors import SanagaError
from inventory.model import DeviceName


class OperationKind(StrEnum):
    """What is done."""

    PLAN = "plan"
    APPLY = "apply"
    CONFIRM = "confirm"
    ROLLBACK = "rollback"
    RESUME = "resume"
    BACKUP = "backup"
    REHEARSAL = "rehearsal"
    ROSTERS = "rosters"
    VPN_TERMS = "vpn-terms"
    SITE_KEYS = "site-keys"
    VPN_READING = "vpn-reading"


# Only one of these runs at a time.
CHANGING: frozenset[OperationKind] = frozenset(
    {OperationKind.APPLY, OperationKind.CONFIRM, OperationKind.ROLLBACK, OperationKind.RESUME}
)


# Any number of these runs at a time: a gateway takes one roster after the other.
SIDE_BY_SIDE: frozenset[OperationKind] = frozenset(
    {OperationKind.ROSTERS, OperationKind.VPN_READING}
)


class OperationState(StrEnum):
    """How far an operation is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Operation:
    """Something that runs, or ran, in this process; times are seconds since 1970.

    serial counts the operations of this process; account is the number of who began it.
    events are what happened so far, in JSON's words; result is there when it is done, error when it
    failed. Its own thread alone changes it.
    """

    id: str
    kind: OperationKind
    by: str
    began_s: float
    serial: int
    state: OperationState = OperationState.RUNNING
    ended_s: float | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    account: int | None = None


class OperationRunningError(SanagaError):
    """Another operation must end first; the text says which."""


class ChangeRefusedError(SanagaError):
    """An apply must not begin; consultations are those in the way, if that is why."""

    def __init__(self, what: str, *, reason: str, consultations: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.reason, self.consultations = reason, consultations


@dataclass(frozen=True, slots=True)
class PlanWish:
    """Which plan somebody wants: of which folder, and with which choices.

    Without a folder it is that of the service. file is a saved plan that is taken as it is.
    """

    choices: PlanChoices
    folder: Path | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class ApplyWish:
    """How a plan is to be applied; digest is that of the plan which the person saw.

    confirm_within_s lets it wait for a person; approval is a second person's.
    """

    digest: str
    confirm_within_s: int | None = None
    in_consultations: bool = False
    approval: str = ""


@dataclass(frozen=True, slots=True)
class ActWish:
    """What is to become of an apply; number is the journal's, None for the last that fits."""

    kind: OperationKind
    number: int | None = None
    without: tuple[DeviceName, ...] = ()
