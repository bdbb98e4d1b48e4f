"""Opens notices: tables, senders with their secrets, and the worker, from a policy."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from controller.channels.mail import MailSender
from controller.channels.message import ChannelKind, Sender
from controller.channels.messengers import MessengerSender
from controller.channels.sms import Pace, SmsSender
from controller.channels.webhook import Sign, WebhookSender
from controller.clock import Clock
from controller.notices.decisions import DecisionRows
from controller.notices.model import IncidentReader, NoticePolicy, Person
from controller.notices.recipients import BEAT, Audience
from controller.notices.schema import MIGRATIONS, VERSION_TABLE
from controller.notices.sending import DeliveryRows
from controller.notices.worker import NoticeParts, NoticeWorker
from database.migrate import upgrade_schema
from inventory.credentials import resolve_secret
from inventory.errors import CredentialError


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What senders need besides the policy: where secrets are, the clock, the controller's key.

    sign returns the controller's signature of a beat in base64, for whoever has its public key.
    alive says whether incidents are decided on, may_send whether no other controller sends.
    """

    folder: Path
    environment: Mapping[str, str]
    clock: Clock
    sign: Sign | None = None
    sms_pace: Pace | None = None
    alive: Callable[[], bool] = lambda: True
    may_send: Callable[[], bool] = lambda: True


def upgrade_notices(engine: Engine) -> None:
    """Bring the tables of the notices to their newest version."""
    upgrade_schema(engine, MIGRATIONS, VERSION_TABLE)


def open_worker(
    engine: Engine,
    audience: Audience,
    reader: IncidentReader,
    around: Surroundings,
    owner: str,
) -> NoticeWorker:
    """Return a worker that is not yet started; owner names it in what it is about to send."""
    deliveries = DeliveryRows(engine, owner)
    senders = open_senders(audience.policy, around, deliveries.record_receipt)
    rows = DecisionRows(engine)
    parts = NoticeParts(
        rows, deliveries, reader, senders, around.clock, around.alive, around.may_send
    )
    return NoticeWorker(parts, audience)


def open_senders(
    policy: NoticePolicy, around: Surroundings, on_receipt: Callable[[str, str], None]
) -> Mapping[str, Sender]:
    """Return the senders that a policy has use for, by channel.

    Raises CredentialError when the file of authorities cannot be read.
    """
    context = _tls_context(policy, around.folder)

    def resolve(reference: str) -> str:
        return resolve_secret(reference, base=around.folder, environment=around.environment)

    def password(reference: str) -> Callable[[], str]:
        return lambda: resolve(reference) if reference else ""

    webhook = WebhookSender(resolve, context, around.clock, sign=around.sign)
    senders: dict[str, Sender] = {
        ChannelKind.WEBHOOK: webhook,
        ChannelKind.MESSENGER: MessengerSender(resolve),
        BEAT: webhook,
    }
    if policy.mail:
        mail = policy.mail
        senders[ChannelKind.EMAIL] = MailSender(
            mail, password(mail.password), context, around.clock
        )
    if policy.sms and ChannelKind.SMS in _kinds(policy.people.values()):
        tls = context if policy.sms.tls else None
        senders[ChannelKind.SMS] = SmsSender(
            policy.sms, password(policy.sms.password), tls, on_receipt, pace=around.sms_pace
        )
    return senders


def _kinds(people: Iterable[Person]) -> frozenset[ChannelKind]:
    return frozenset(point.kind for person in people for point in person.contacts)


def _tls_context(policy: NoticePolicy, folder: Path) -> ssl.SSLContext:
    """Return what checks servers: the machine's authorities, or those that the intent names."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if policy.authorities:
        file = folder / policy.authorities
        try:
            context.load_verify_locations(file)
        except (OSError, ssl.SSLError) as error:
            why = getattr(error, "strerror", None) or "not a PEM file"
            raise CredentialError(f"{file}: the authorities cannot be read: {why}") from None
    return context
