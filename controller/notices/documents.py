"""The section notices of an intent as an engineer writes it: shapes of its keys."""

import re
from datetime import date, datetime, time
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StrictFloat, StrictInt, StrictStr

from controller.channels.message import ChannelKind, ContactPoint
from controller.incidents.model import Cause, Severity
from controller.notices.model import Language, Limits
from controller.notices.schedule import Window
from inventory.documents.fields import CredentialReference, Document, Flag, Slug
from inventory.documents.messages import refuse_value
from inventory.free_text import quoted

DOUALA: Final = "Africa/Douala"
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?")
_SENDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,10}|\+?[0-9]{3,15}")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _form(pattern: re.Pattern[str], what: str, hint: str) -> AfterValidator:
    def check(value: str) -> str:
        if pattern.fullmatch(value):
            return value
        raise refuse_value(f"{quoted(value)} is no {what}", hint)

    return AfterValidator(check)


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = f"write its name in the IANA database, such as '{DOUALA}' or 'Europe/Paris'"
        raise refuse_value(f"{quoted(value)} is no time zone", hint) from None


def _clock(value: object) -> time:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return time.fromisoformat(value)
    raise refuse_value(f"{quoted(value)} is no time of day", "write hours and minutes, as '06:00'")


def _date(value: object) -> date:
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise refuse_value(f"{quoted(value)} is no date", "write it as '2026-01-05'") from None


def _local(value: object) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the rota has one
    except ValueError:
        hint = "write it as '2026-12-24 18:00', in the zone of the rota"
        raise refuse_value(f"{quoted(value)} is no date and time", hint) from None


def _day(value: object) -> int:
    if value in _DAY_NAMES:
        return _DAY_NAMES.index(str(value))
    raise refuse_value(f"{quoted(value)} is no day", f"write one of {', '.join(_DAY_NAMES)}")


Zone: TypeAlias = Annotated[StrictStr, AfterValidator(_zone)]
ClockTime: TypeAlias = Annotated[time, BeforeValidator(_clock)]
Day: TypeAlias = Annotated[int, BeforeValidator(_day)]
DateText: TypeAlias = Annotated[date, BeforeValidator(_date)]
LocalTime: TypeAlias = Annotated[datetime, BeforeValidator(_local)]
Email: TypeAlias = Annotated[
    StrictStr, _form(_EMAIL, "mail address", "write it as 'awa@example.cm'")
]
Number: TypeAlias = Annotated[
    StrictStr,
    _form(_NUMBER, "telephone number", "write it with its country, such as '\"+237650000001\"'"),
]
Host: TypeAlias = Annotated[
    StrictStr, _form(_HOST, "server", "write its name or address, such as 'mail.example.cm'")
]
SmsSender: TypeAlias = Annotated[
    StrictStr,
    _form(_SENDER, "sender of an SMS", "write at most 11 letters and digits, or a number"),
]
Port: TypeAlias = Annotated[StrictInt, Field(ge=1, le=65535)]
Minutes: TypeAlias = Annotated[StrictInt, Field(ge=1, le=7 * 24 * 60)]
Word: TypeAlias = Annotated[StrictStr, Field(min_length=1, max_length=64)]


class WindowDocument(Document):
    """A part of the day, on all days or some; it may end on the next day."""

    begins: ClockTime = Field(alias="from", examples=['"22:00"'])
    ends: ClockTime = Field(alias="to", examples=['"06:00"'])
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = Field(
        default=tuple(range(7)), examples=["[mon, tue]"]
    )

    def to_model(self) -> Window:
        """Return the trusted value."""
        return Window(self.begins, self.ends, frozenset(self.days))


class ContactDocument(Document):
    """One way to reach a person: exactly one of email, sms, webhook and messenger."""

    name: Slug | None = Field(default=None, examples=["work-phone"])
    email: Email | None = Field(default=None, examples=["awa@example.cm"])
    sms: Number | None = Field(default=None, examples=['"+237650000001"'])
    webhook: CredentialReference | None = Field(default=None, examples=["env:AWA_HOOK"])
    messenger: CredentialReference | None = Field(default=None, examples=["env:AWA_CHAT"])
    secret: CredentialReference = Field(default="", examples=["env:AWA_HOOK_SECRET"])
    wakes: Flag | None = Field(default=None, examples=["true"])
    loopback: Flag = Field(default=False, examples=["true"])

    @property
    def kinds(self) -> tuple[ChannelKind, ...]:
        """Return the kinds that are written; a usable contact point has one."""
        return tuple(kind for kind in ChannelKind if getattr(self, kind.value))

    def to_model(self) -> ContactPoint:
        """Return the trusted value; only a telephone wakes unless the document says otherwise."""
        kind = self.kinds[0]
        wakes = kind is ChannelKind.SMS if self.wakes is None else self.wakes
        address = str(getattr(self, kind.value))
        return ContactPoint(
            self.name or kind.value, kind, address, self.secret, wakes, self.loopback
        )


class PersonDocument(Document):
    """Somebody who is told."""

    name: Slug = Field(examples=["awa"])
    language: Language | None = Field(default=None, examples=["fr"])
    timezone: Zone | None = Field(default=None, examples=["Europe/Paris"])
    contacts: Annotated[tuple[ContactDocument, ...], Field(min_length=1)] = Field(
        examples=["[{email: awa@example.cm}]"]
    )
    quiet: tuple[WindowDocument, ...] = Field(
        default=(), examples=['[{from: "22:00", to: "06:00"}]']
    )


class PartyDocument(Document):
    """People by name, and whoever is on call."""

    people: tuple[Slug, ...] = Field(default=(), examples=["[awa]"])
    rotas: tuple[Slug, ...] = Field(default=(), examples=["[noc]"])


class SubscriptionDocument(PartyDocument):
    """Who is told of which incidents."""

    severity: Severity = Field(default=Severity.WARNING, examples=["critical"])
    under: Slug | None = Field(default=None, examples=["mayo-sava"])
    causes: tuple[Cause, ...] = Field(default=(), examples=["[power-cut]"])
    channels: tuple[ChannelKind, ...] = Field(default=tuple(ChannelKind), examples=["[email]"])


class OverrideDocument(Document):
    """Somebody else is on call for a while."""

    person: Slug | None = Field(default=None, examples=["ben"])
    begins: LocalTime = Field(alias="from", examples=["2026-12-24 18:00"])
    ends: LocalTime = Field(alias="to", examples=["2026-12-25 08:00"])


class RotaDocument(Document):
    """People who take turns."""

    name: Slug = Field(examples=["noc"])
    timezone: Zone | None = Field(default=None, examples=["Africa/Douala"])
    begins: DateText = Field(examples=["2026-01-05"])
    at: ClockTime = Field(examples=['"08:00"'])
    turn_days: Annotated[StrictInt, Field(ge=1, le=366)] = Field(default=7, examples=["7"])
    order: Annotated[tuple[Slug, ...], Field(min_length=1)] = Field(examples=["[awa, ben]"])
    hours: WindowDocument | None = Field(default=None, examples=['{from: "18:00", to: "08:00"}'])
    overrides: tuple[OverrideDocument, ...] = Field(default=(), examples=["[...]"])


class StepDocument(PartyDocument):
    """Who else is told when nobody acknowledges in time."""

    after_minutes: Minutes = Field(examples=["15"])


class EscalationDocument(Document):
    """Steps that follow an incident until somebody acknowledges it."""

    severity: Severity = Field(default=Severity.CRITICAL, examples=["critical"])
    under: Slug | None = Field(default=None, examples=["mayo-sava"])
    steps: Annotated[tuple[StepDocument, ...], Field(min_length=1)] = Field(examples=["[...]"])


class LimitsDocument(Document):
    """How many notices a person gets one by one before a digest."""

    notices: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(default=10, examples=["10"])
    within_minutes: Minutes = Field(default=10, examples=["10"])
    digest_after_minutes: Minutes = Field(default=5, examples=["5"])

    def to_model(self) -> Limits:
        """Return the trusted value."""
        return Limits(self.notices, self.within_minutes * 60.0, self.digest_after_minutes * 60.0)


class MailDocument(Document):
    """The server that takes mail."""

    server: Host = Field(examples=["mail.example.cm"])
    port: Port = Field(default=587, examples=["587"])
    security: Annotated[
        StrictStr, _form(re.compile("starttls|tls|none"), "security", "write starttls, tls or none")
    ] = Field(default="starttls", examples=["starttls"])
    sender: Email = Field(examples=["noc@example.cm"])
    user: Word | None = Field(default=None, examples=["noc"])
    password: CredentialReference = Field(default="", examples=["env:SANAGA_MAIL_PASSWORD"])


class SmsDocument(Document):
    """The operator's short message centre."""

    server: Host = Field(examples=["smpp.operator.example"])
    port: Port = Field(default=2775, examples=["2775"])
    tls: Flag = Field(default=False, examples=["true"])
    system_id: Annotated[StrictStr, Field(min_length=1, max_length=15)] = Field(examples=["noc"])
    password: CredentialReference = Field(default="", examples=["env:SANAGA_SMS_PASSWORD"])
    sender: SmsSender = Field(examples=["SANAGA"])
    per_second: Annotated[StrictFloat, Field(gt=0, le=100)] = Field(default=5.0, examples=["5.0"])


class BeatDocument(Document):
    """A sign of life for another machine, which alarms when it fails to come."""

    webhook: CredentialReference = Field(examples=["env:SANAGA_BEAT"])
    secret: CredentialReference = Field(examples=["env:SANAGA_BEAT_SECRET"])
    every_seconds: Annotated[StrictInt, Field(ge=10, le=3600)] = Field(default=60, examples=["60"])
    loopback: Flag = Field(default=False, examples=["true"])


class AllClearDocument(Document):
    """A message each day that says the chain works."""

    at: ClockTime = Field(examples=['"07:00"'])
    timezone: Zone | None = Field(default=None, examples=["Africa/Douala"])
    people: Annotated[tuple[Slug, ...], Field(min_length=1)] = Field(examples=["[awa]"])


class NoticesDocument(Document):
    """The section notices."""

    language: Language = Field(default=Language.FRENCH, examples=["fr"])
    timezone: Zone = Field(default=DOUALA, examples=[DOUALA])
    authorities: Annotated[StrictStr, Field(min_length=1, max_length=200)] | None = Field(
        default=None, examples=["authorities.pem"]
    )
    mail: MailDocument | None = Field(default=None, examples=["{server: ..., sender: ...}"])
    sms: SmsDocument | None = Field(default=None, examples=["{server: ..., system_id: ...}"])
    people: tuple[PersonDocument, ...] = Field(default=(), examples=["[...]"])
    rotas: tuple[RotaDocument, ...] = Field(default=(), examples=["[...]"])
    subscriptions: tuple[SubscriptionDocument, ...] = Field(default=(), examples=["[...]"])
    escalations: tuple[EscalationDocument, ...] = Field(default=(), examples=["[...]"])
    limits: LimitsDocument = Field(default=LimitsDocument(), examples=["{notices: 10}"])
    beat: BeatDocument | None = Field(default=None, examples=["{webhook: ..., secret: ...}"])
    all_clear: AllClearDocument | None = Field(default=None, examples=['{at: "07:00"}'])
    reports: PartyDocument | None = Field(default=None, examples=["{people: [awa]}"])
    administrators: PartyDocument | None = Field(default=None, examples=["{people: [awa]}"])
