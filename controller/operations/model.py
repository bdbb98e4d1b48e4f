"""Operations as values: what somebody asked a running controller to do, and how it goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from controller.load import Loaded
from controller.planning.from_folder import FolderPlan, PlanChoices
from inventory.errors import SanagaError
from inventory.model import DeviceName, Intent, SiteName


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
    # The controller that ran it is gone.
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is to begin: the kind, for whom, and the sites that it is about.

    Without sites it is about the whole network. account is the number of who begins it, who may
    therefore follow and end it.
    """

    kind: OperationKind
    by: str
    sites: tuple[SiteName, ...] | None = None
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that runs or ran at a controller of this database, as it was when it was read.

    serial counts the operations of the database; times are seconds since 1970. events are those
    that were asked for, in JSON's words, and position is how many there are by now. apply is the
    number of the apply that it is at work on. result is there when it is done, error when it ended
    otherwise.
    """

    id: str
    serial: int
    beginning: Beginning
    began_s: float
    state: OperationState = OperationState.RUNNING
    ended_s: float | None = None
    apply: int | None = None
    position: int = 0
    events: tuple[Mapping[str, Any], ...] = ()
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def kind(self) -> OperationKind:
        """Return what is done."""
        return self.beginning.kind


class OperationRunningError(SanagaError):
    """Another operation must end first; the text says which."""


class ChangeRefusedError(SanagaError):
    """An apply must not begin; consultations are those in the way, if that is why."""

    def __init__(self, what: str, *, reason: str, consultations: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.reason, self.consultations = reason, consultations


class PlanScope(Protocol):
    """The part of the network for which somebody may plan."""

    def sites(self, intent: Intent) -> frozenset[SiteName]:
        """Return the sites of that part."""

    def narrow(self, loaded: Loaded, choices: PlanChoices) -> PlanChoices:
        """Return choices that plan for devices of that part alone."""

    def narrowed(self, found: FolderPlan, intent: Intent) -> tuple[FolderPlan, tuple[str, ...]]:
        """Return a plan as the person may read it, and its sites; raises PlanError."""

    def explained(self, error: SanagaError, intent: Intent | None) -> SanagaError:
        """Return an error as the person may read it."""


@dataclass(frozen=True, slots=True)
class PlanWish:
    """Which plan somebody wants: of which folder, and with which choices.

    Without a folder it is that of the service. file is a saved plan that is taken as it is. Without
    a scope it is for the whole network. without_silent leaves devices out that do not answer.
    """

    choices: PlanChoices
    folder: Path | None = None
    file: Path | None = None
    scope: PlanScope | None = None
    without_silent: bool = False


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
    """What is to become of an apply; number is the journal's, None for the last that fits.

    sites are those of its devices, where they are known.
    """

    kind: OperationKind
    number: int | None = None
    without: tuple[DeviceName, ...] = ()
    sites: tuple[SiteName, ...] | None = None
