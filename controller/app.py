"""What a verb or a request opens: the journal, an apply's context, the register of people."""

import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.environment import SettingError, administrator, environment, state_dir
from inventory.errors import AccountError
from vpn.key_text import PublicKey
from vpn.wireguard.key_backends import KeyMaker, MakePair, key_backend
from vpn.wireguard.keys import Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from controller.access.registrar import Registrar
    from controller.apply.events import Progress
    from controller.apply.recovery import RollbackResult
    from controller.apply.session import ApplyContext
    from controller.backups.daily import DailyBackups
    from controller.channels.message import Sender
    from controller.clock import Clock
    from controller.load import Loaded
    from controller.model import Plan, PushResult
    from controller.notices.model import NoticePolicy
    from controller.schedules.desk import ReportDesk
    from controller.sites.edges import SitesContext
    from controller.store.journal import Journal
    from controller.store.people import People
    from controller.transport.api_client import ApiClient
    from inventory.model import DeviceName, Intent

KEY_MAKER: Final = "SANAGA_KEY_MAKER"
TOKEN_FILE: Final = "SANAGA_TOKEN_FILE"  # noqa: S105 - the name of a variable
LOCAL_SOCKET: Final = "controller.sock"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@contextmanager
def open_journal() -> "Iterator[Journal]":
    """Open the journal of this controller for as long as the block runs."""
    from controller.store.journal import Journal

    with closing(Journal.open(state_dir())) as journal:
        yield journal


def apply_plan(
    plan: "Plan",
    progress: "Progress",
    confirm_within_s: int | None,
    *,
    clock: "Clock | None" = None,
) -> "PushResult":
    """Apply a plan; with a time to confirm, it is undone unless a person confirms it by then."""
    from controller.apply.run import apply

    hold = confirm_within_s is not None
    publish_revocations()
    remember_edge_keys(plan.intent)
    with open_journal() as journal:
        context = apply_context(journal, plan.intent, progress, clock=clock)
        return apply(plan, context, confirm_within_s=confirm_within_s, hold=hold)


def resume_apply(
    progress: "Progress",
    without: Collection["DeviceName"] = (),
    *,
    clock: "Clock | None" = None,
) -> "PushResult | None":
    """Finish or unwind an apply that was interrupted; None if there is no such apply."""
    from controller.apply.recovery import resume

    with open_journal() as journal:
        context = recorded_context(journal, None, progress, clock=clock)
        return resume(context, without=without)


def confirm_apply(
    number: int | None, progress: "Progress", *, clock: "Clock | None" = None
) -> "PushResult":
    """Keep an apply that waits for a person."""
    from controller.apply.recovery import confirm

    with open_journal() as journal:
        return confirm(recorded_context(journal, number, progress, clock=clock), number)


def rollback_apply(
    number: int | None, progress: "Progress", *, clock: "Clock | None" = None
) -> "RollbackResult":
    """Undo the apply of a number, or the last one."""
    from controller.apply.recovery import undo

    with open_journal() as journal:
        return undo(recorded_context(journal, number, progress, clock=clock), number)


def note_network_act(what: str, subject: str, **details: object) -> None:
    """Write into the audit chain what somebody at this machine is about to do to the network."""
    from accounts.audit import append
    from controller.clock import SystemClock
    from controller.store.audit import NETWORK, Actor
    from controller.store.database import Database
    from inventory.errors import JournalError

    act, at = Actor(administrator(), "at this machine"), SystemClock().instant()
    with closing(Database.open(state_dir(), JournalError)) as database, database.write() as db:
        append(db, act, at.isoformat(timespec="seconds"), what, subject, details, kind=NETWORK)


def apply_context(
    journal: "Journal",
    intent: "Intent | None",
    progress: "Progress",
    *,
    clock: "Clock | None" = None,
) -> "ApplyContext":
    """Return what an apply reads and changes, for the devices of an intent."""
    from controller.apply.session import ApplyContext, Timeouts
    from controller.clock import SystemClock
    from controller.drivers.connect import connector
    from controller.settings import Settings

    pace = Timeouts().times(Settings().pace)
    return ApplyContext(connector(intent), journal, clock or SystemClock(), progress, pace=pace)


def recorded_context(
    journal: "Journal",
    number: int | None,
    progress: "Progress",
    *,
    clock: "Clock | None" = None,
) -> "ApplyContext":
    """Return the same for the devices of a recorded apply, the last one unless it is named."""
    from controller.apply.recorded import recorded_intent

    return apply_context(journal, recorded_intent(journal, number), progress, clock=clock)


def publish_revocations() -> None:
    """Sign the list of revoked keys again if a key was revoked since; every apply hands it out."""
    from controller.keys.revocation_signing import publish_revoked
    from controller.store.people import People
    from controller.store.place import record_exists

    folder = state_dir()
    if record_exists(folder):
        with closing(People.open(folder)) as store:
            publish_revoked(store, folder)


def remember_edge_keys(intent: "Intent | None") -> None:
    """Note the keys of an intent's edges, where there is a record of people.

    Raises AccessError when a device of a person has one of them.
    """
    from controller.store.people import People
    from controller.store.place import record_exists
    from inventory.model import edge_keys_of

    folder = state_dir()
    if intent and record_exists(folder):
        with closing(People.open(folder)) as store:
            store.site_keys.remember(edge_keys_of(intent))


@contextmanager
def open_people() -> "Iterator[People]":
    """Open the record of people and of sites' keys for as long as the block runs."""
    from controller.store.people import People

    with closing(People.open(state_dir())) as store:
        yield store


@contextmanager
def open_sites(folder: Path) -> "Iterator[SitesContext]":
    """Load a folder and open what changes to its sites' keys need, while the block runs."""
    from controller.clock import SystemClock
    from controller.drivers.connect import connector, edge_connector
    from controller.load import anchored, load
    from controller.sites.edges import SitesContext

    loaded, state = load(folder), state_dir()
    devices = connector(anchored(loaded), loaded.folder, state_dir=state)
    edges = edge_connector(loaded, state)
    with open_people() as store:
        yield SitesContext(loaded, store, state, edges, devices, SystemClock())


@contextmanager
def open_registrar() -> "Iterator[Registrar]":
    """Open the register of people of this controller for as long as the block runs."""
    from controller.access.registrar import Registrar

    registrar = Registrar.open(state_dir(), pair=made_pair)
    try:
        yield registrar
    finally:
        registrar.close()


def open_controller(url: str | None) -> "ApiClient":
    """Return a client of the controller at a URL, or of the one that runs on this machine.

    Raises NoControllerError where none runs, SettingError for a URL that would show the token.
    """
    from controller.transport.api_client import ApiClient
    from inventory.errors import NoControllerError

    if url:
        return ApiClient(_safe_url(url), _token())
    if (found := local_controller()) is None:
        raise NoControllerError(
            "no controller runs on this machine; start one with 'sanaga serve DIR', or name one "
            "elsewhere with --controller URL"
        )
    return found


def local_controller() -> "ApiClient | None":
    """Return a client of the controller that serves this machine's state folder, if one does.

    A socket that nobody serves any more, as after a kill, stands for none.
    """
    place = state_dir() / LOCAL_SOCKET
    if not place.exists():
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(place))
        except OSError:
            return None
    from controller.transport.api_client import ApiClient

    return ApiClient(place, person=administrator())


def running_client(url: str | None) -> "ApiClient | None":
    """Return a client of the controller at a URL, or of the one here; None where none runs here."""
    return open_controller(url) if url else local_controller()


@contextmanager
def local_reports(folder: Path) -> "Iterator[ReportDesk]":
    """Open the reports of a folder's network from the records here, while the block runs."""
    from importlib.metadata import version

    from controller.clock import SystemClock
    from controller.load import load
    from controller.schedules.desk import ReportDesk
    from controller.schedules.jobs import usual_surroundings
    from controller.store.database import Database
    from inventory.errors import JournalError

    loaded = load(folder)
    with closing(Database.open(state_dir(), JournalError)) as database:
        around = usual_surroundings(loaded, state_dir(), database.engine, version("sanaga"))
        yield ReportDesk(around, SystemClock(), backups=_backups(loaded))


def _backups(loaded: "Loaded") -> "DailyBackups":
    """Return the backups that a service makes here, where it is not told of another folder."""
    from controller.backups.daily import BackupRules, DailyBackups
    from controller.backups.noted import BACKUPS
    from controller.clock import SystemClock
    from controller.store.place import store_place
    from inventory.credentials import PASSPHRASE

    place, passphrase = store_place(state_dir()), environment().get(PASSPHRASE, "")
    rules = BackupRules(loaded.timetable.backup)
    return DailyBackups(place, place.folder / BACKUPS, passphrase, SystemClock(), rules)


def _safe_url(url: str) -> str:
    """Return a URL over which a token may travel."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.rstrip("/")
    raise SettingError(f"{url}: a token would travel in clear text; write https://HOST")


def _token() -> str:
    """Return the token in the file that SANAGA_TOKEN_FILE names; empty without one."""
    named = environment().get(TOKEN_FILE)
    if not named:
        return ""
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{TOKEN_FILE}: {named} cannot be read ({error.strerror})") from error


def made_pair() -> tuple[Secret, PublicKey]:
    """Make a private key and its public one; raises what key_maker() raises."""
    return key_maker()()


def key_maker() -> MakePair:
    """Return what SANAGA_KEY_MAKER names.

    Raises SettingError when it names nothing that makes keys, ExtraError when that is missing.
    """
    chosen = environment().get(KEY_MAKER) or KeyMaker.CRYPTOGRAPHY
    if chosen not in set(KeyMaker):
        choices = " or ".join(KeyMaker)
        raise SettingError(f"{KEY_MAKER}: '{chosen}' makes no keys; write {choices}, or nothing")
    return key_backend(KeyMaker(chosen), f"unset {KEY_MAKER}")


@contextmanager
def change_accounts() -> "Iterator[Connection]":
    """Open the accounts of those who sign in, for one transaction.

    They are with the other records of this controller. Raises AccountError when what is asked for
    is refused, SettingError when the address of the records is wrong.
    """
    from accounts.errors import AccountsError
    from accounts.schema import open_accounts
    from controller.store.database import Database
    from database.migrate import NewerSchemaError

    database = Database.open(state_dir(), AccountError)
    engine = database.engine
    try:
        open_accounts(engine)
        with engine.begin() as connection:
            yield connection
    except (AccountsError, NewerSchemaError) as error:
        raise AccountError(str(error)) from error
    finally:
        database.close()


@contextmanager
def open_senders(policy: "NoticePolicy", folder: Path) -> "Iterator[Mapping[str, Sender]]":
    """Open the channels that notices go through for as long as the block runs."""
    from controller.clock import SystemClock
    from controller.notices.open import Surroundings
    from controller.notices.open import open_senders as open_all

    around = Surroundings(folder, environment(), SystemClock())
    senders = open_all(policy, around, lambda _message_id, _state: None)
    try:
        yield senders
    finally:
        for sender in senders.values():
            sender.close()
