"""Values of health and incidents: what observers say, what is decided, what is to be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias


class Health(StrEnum):
    """How a subject stands; another cause cuts off what is unreachable."""

    OK = "ok"
    DEGRADED = "degraded"
    UNREACHABLE = "unreachable"
    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


class SubjectKind(StrEnum):
    """What a subject is; a provider is an operator's network, a collector hears others for us."""

    SITE = "site"
    DEVICE = "device"
    CIRCUIT = "circuit"
    PROVIDER = "provider"
    COLLECTOR = "collector"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Something that has a health, by its name in the intent."""

    kind: SubjectKind
    name: str


class Source(StrEnum):
    """How an observer came to know."""

    EDGE_PATH = "edge-path"
    EDGE_SESSION = "edge-session"
    LAST_GASP = "last-gasp"
    SNMP = "snmp"
    TRAP = "trap"
    SYSLOG = "syslog"
    UPS = "ups"
    LLDP = "lldp"
    BGP = "bgp"
    SLO = "slo"
    COLLECTOR = "collector"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one observer says of one subject; a newer sequence of the same source replaces it.

    The observer of a device's session or of its answers is the collector that hears it; of a
    circuit it is the device at its end; of a device seen through tunnels it is the other edge.
    delay_ms is the round trip, loss and load are shares between 0 and 1; None is not measured.
    """

    subject: Subject
    observer: str
    source: Source
    state: Health
    sequence: int
    at_s: float
    received_s: float
    reason: str = ""
    mos: float | None = None
    replayed: bool = False
    clock_trusted: bool = True
    delay_ms: float | None = None
    loss: float | None = None
    load: float | None = None


@dataclass(frozen=True, slots=True)
class Consultation:
    """A consultation that began, goes on or ended, between sites; a newer sequence replaces it."""

    name: str
    sites: tuple[str, ...]
    running: bool
    sequence: int
    at_s: float


class ActKind(StrEnum):
    """What a person does to an incident."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ASSIGN = "assign"
    COMMENT = "comment"
    MUTE = "mute"
    UNMUTE = "unmute"
    RESOLVE = "resolve"
    MERGE = "merge"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Act:
    """An act of a person; text is a comment or the assignee, until_s when a mute ends.

    other is the incident that a merge takes in; subjects are what a split takes out.
    """

    kind: ActKind
    incident: int
    by: str
    at_s: float
    text: str = ""
    until_s: float | None = None
    other: int | None = None
    subjects: tuple[Subject, ...] = ()


class Recurrence(StrEnum):
    """How often a maintenance window opens."""

    ONCE = "once"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A window in wall time of a zone: from a minute of its first day to another, half open.

    first_day is an ISO date; a weekly window opens again on the same day of every week. begins and
    ends are HH:MM; an end at or before the beginning is on the next day.
    """

    name: str
    subjects: tuple[Subject, ...]
    recurrence: Recurrence
    zone: str
    first_day: str
    begins: str
    ends: str
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class WindowSet:
    """A maintenance window that a person made or changed."""

    window: MaintenanceWindow


@dataclass(frozen=True, slots=True)
class WindowRemoved:
    """A maintenance window that a person took away, by its name."""

    name: str


News: TypeAlias = Observation | Consultation | Act | WindowSet | WindowRemoved


class Cause(StrEnum):
    """Why an incident is."""

    POWER_CUT = "power-cut"
    ON_BATTERY = "on-battery"
    FIBRE_CUT = "fibre-cut"
    RADIO_LOST = "radio-lost"
    ACCESS_LOST = "access-lost"
    OPERATOR_FAULT = "operator-fault"
    DEVICE_FAULT = "device-fault"
    DEVICE_AILING = "device-ailing"
    CONGESTION = "congestion"
    POOR_QUALITY = "poor-quality"
    ROUTING_LOST = "routing-lost"
    SATELLITE_HANDOVER = "satellite-handover"
    WRONG_CABLE = "wrong-cable"
    COLLECTOR_LOST = "collector-lost"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad an incident is: critical cuts sites off, a warning leaves them no second way."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


SEVERITIES: Final = tuple(Severity)


class Effect(StrEnum):
    """What an incident does to sites."""

    NONE = "none"
    QUALITY = "quality"
    REDUNDANCY_LOST = "redundancy-lost"
    CUT_OFF = "cut-off"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Incident:
    """One root cause and whom it hurts.

    sites are those whose usual way is lost or bad, cut_off those of them with no way left;
    facilities and people are theirs. joined are other roots that a person merged into it, former
    those that it was first taken to have. noticed says that its opening was sent to the outbox,
    pending that a notice waits for the end of a mute or a window; sequence counts notices. clear_s
    is since when the root is well. hidden says that another cause keeps its root from being judged.
    """

    number: int
    root: Subject
    root_id: str
    cause: Cause
    effect: Effect
    severity: Severity
    opened_s: float
    changed_s: float
    ended_s: float | None = None
    end_reason: str = ""
    members: tuple[Subject, ...] = ()
    joined: tuple[Subject, ...] = ()
    former: tuple[Subject, ...] = ()
    sites: tuple[str, ...] = ()
    cut_off: tuple[str, ...] = ()
    facilities: int = 0
    people: int = 0
    consultations: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    sentence: str = ""
    acknowledged_by: str = ""
    acknowledged_s: float | None = None
    assigned_to: str = ""
    muted_until_s: float | None = None
    maintained: bool = False
    hidden: bool = False
    merged_into: int | None = None
    split_from: int | None = None
    reopened: int = 0
    reopened_s: float = 0.0
    sequence: int = 0
    noticed: bool = False
    pending: bool = False
    clear_s: float | None = None
    replayed: bool = False

    @property
    def open(self) -> bool:
        """Return whether the incident goes on."""
        return self.ended_s is None


class ChangeKind(StrEnum):
    """What an entry of an incident's timeline tells."""

    OPENED = "opened"
    REOPENED = "reopened"
    CHANGED = "changed"
    ESCALATED = "escalated"
    ENDED = "ended"
    MERGED = "merged"
    SPLIT = "split"
    ACT = "act"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """An entry of an incident's timeline; by is the person, empty for the controller itself."""

    incident: int
    at_s: float
    kind: ChangeKind
    sentence: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A subject whose health turned."""

    subject: Subject
    at_s: float
    before: Health
    after: Health


class NoticeKind(StrEnum):
    """Which notice of an incident is due."""

    OPENED = "opened"
    CHANGED = "changed"
    ENDED = "ended"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of the outbox: an incident as it is when the notice is due."""

    kind: NoticeKind
    incident: Incident
    created_s: float
    region: str
    title: str
    title_fr: str
    sentence: str
    sentence_fr: str

    @property
    def dedup(self) -> str:
        """Return what is the same of a notice that is written twice."""
        return f"{self.incident.number}:{self.incident.sequence}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act that was not done, and why."""

    act: Act
    sentence: str


ObserverKey: TypeAlias = tuple[str, Source]


@dataclass(frozen=True, slots=True)
class IncidentState:
    """Everything that decisions rest on; a value that is stored and read again.

    observations are the newest by subject and observer, replays those of replayed messages;
    troubled subjects have some that are not good, since_s when. shadow_s is when a subject was last
    hidden, found_s when a root was first found. excused holds circuits that a device saw
    dead while the far end was the cause, and until when. health holds what is not ok; incidents are
    open, or may reopen. identities are the numbers by which a renamed subject is known again.
    """

    started_s: float = 0.0
    decided_s: float = 0.0
    observations: Mapping[Subject, Mapping[ObserverKey, Observation]] = field(default_factory=dict)
    troubled: frozenset[Subject] = frozenset()
    since_s: Mapping[Subject, float] = field(default_factory=dict)
    shadow_s: Mapping[Subject, float] = field(default_factory=dict)
    found_s: Mapping[Subject, float] = field(default_factory=dict)
    excused: Mapping[Subject, Mapping[str, float]] = field(default_factory=dict)
    health: Mapping[Subject, Health] = field(default_factory=dict)
    incidents: Mapping[int, Incident] = field(default_factory=dict)
    next_number: int = 1
    consultations: Mapping[str, Consultation] = field(default_factory=dict)
    windows: Mapping[str, MaintenanceWindow] = field(default_factory=dict)
    replays: Mapping[Subject, Mapping[ObserverKey, Observation]] = field(default_factory=dict)
    identities: Mapping[Subject, str] = field(default_factory=dict)

    def open_incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that go on, by number."""
        return tuple(i for _, i in sorted(self.incidents.items()) if i.open)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision: the state after it, what to write down, what to send, and when to decide next.

    wake_s is when the next decision is due, None if nothing waits. touched are all to be written.
    """

    state: IncidentState
    changes: tuple[IncidentChange, ...] = ()
    health_changes: tuple[HealthChange, ...] = ()
    notices: tuple[Notice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    wake_s: float | None = None
    touched: tuple[Incident, ...] = ()
