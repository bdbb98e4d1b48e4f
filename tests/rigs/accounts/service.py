"""A service in which people sign in, its clock, and people with passwords and second factors."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, event

from accounts.audit import Actor
from accounts.errors import AccountsError
from accounts.factors.passkeys import RelyingParty
from accounts.factors.passwords import ArgonParameters, PasswordHashing
from accounts.factors.throttle import Visitor
from accounts.factors.totp import STEP_S, SealingKey, code_at
from accounts.realm import Realm, Times, open_realm
from accounts.roles import EVERYWHERE, Grant, Principal, RoleCatalogue
from accounts.signing_in.links import first_administrator_link, invite
from accounts.signing_in.second_factors import TotpCode
from accounts.signing_in.set_up import Applicant, Entered, begin_set_up, finish_set_up
from accounts.signing_in.sign_in import check_password_step, second_step
from accounts.signing_in.step_up import identify
from database.engine import reading

Result = TypeVar("Result")

PASSWORD: Final = "four words nobody guesses"  # noqa: S105
CATALOGUE: Final = RoleCatalogue(
    rights={
        "viewer": frozenset({"look"}),
        "operator": frozenset({"look", "mute"}),
        "engineer": frozenset({"look", "mute", "apply", "approve"}),
        "administrator": frozenset({"look", "mute", "apply", "approve", "manage"}),
    },
    administrator="administrator",
    manage_accounts="manage",
)
PARTY: Final = RelyingParty("noc.example.org", "NOC", ("https://noc.example.org",))
# As quick as argon2 gets; its own tests take the usual costs.
QUICK: Final = ArgonParameters(memory_kib=64, passes=1)
HERE: Final = Visitor("192.0.2.7", agent="Firefox")
MACHINE: Final = Actor("root", "at the machine")


@dataclass
class Person:
    """Somebody with an account: name, password, the secret of the app, codes on paper."""

    name: str
    secret: bytes
    codes: tuple[str, ...]
    visitor: Visitor = HERE
    token: str = field(default="", repr=False)


@dataclass
class Service:
    """A realm and its clock, which tests set."""

    realm: Realm
    now_s: float = 1_800_000_000.0

    def first(self, name: str = "a.ngono") -> Person:
        """Make the first administrator."""
        with self.realm.engine.begin() as connection:
            link = first_administrator_link(connection, CATALOGUE, MACHINE, self.now_s)
        return self.enter_by(link.text, name)

    def link_for(self, by: Person, name: str, *grants: Grant) -> str:
        """Return the text of an invitation."""
        inviting = self.principal(by)
        with self.realm.engine.begin() as connection:
            return invite(
                connection,
                inviting,
                (name, f"Dr {name}"),
                grants,
                catalogue=CATALOGUE,
                now_s=self.now_s,
                because="test",
            ).text

    def invite(self, by: Person, name: str, role: str, scope: str = EVERYWHERE) -> Person:
        """Let somebody invite a person, who sets up an app."""
        return self.enter_by(self.link_for(by, name, Grant(role, scope)), name)

    def enter_by(self, link: str, name: str, password: str = PASSWORD) -> Person:
        """Set up an account by a link, with an app."""
        applicant = Applicant(password, name, f"Dr {name}")
        begun = begin_set_up(self.realm, link, applicant, self.now_s)
        secret = base64.b32decode(begun.secret)
        entered = finish_set_up(self.realm, begun.token.text, self.code(secret), HERE, self.now_s)
        # The code of the set-up counts as used, so that time passes before the next one.
        self.now_s += STEP_S
        kept = Visitor(HERE.address, entered.browser.text)
        return Person(name, secret, entered.recovery_codes, kept, entered.session.text)

    def code(self, secret: bytes, steps: int = 0) -> TotpCode:
        """Return the code of an app now, or some steps later."""
        return TotpCode(code_at(secret, int(self.now_s // STEP_S) + steps))

    def sign_in(self, person: Person, visitor: Visitor | None = None) -> Entered:
        """Sign in with the app, one step after whatever was before."""
        self.now_s += STEP_S
        place = visitor or person.visitor
        begun = check_password_step(self.realm, person.name, PASSWORD, place, self.now_s)
        code = self.code(person.secret)
        entered = second_step(self.realm, begun.token.text, code, place, self.now_s)
        person.token = entered.session.text
        return entered

    def principal(self, person: Person) -> Principal:
        """Return who a person is now, signed in anew if need be, with a fresh second factor."""
        found = identify(self.realm, person.token, self.now_s)
        if found is None or found.stepped_up_s is None or self.now_s - found.stepped_up_s > 200:
            self.sign_in(person)
            found = identify(self.realm, person.token, self.now_s)
        assert found
        return found

    def known(self, text: str) -> Principal:
        """Return who a token stands for, which must be somebody."""
        found = identify(self.realm, text, self.now_s)
        assert found
        return found

    def in_transaction(self, act: Callable[..., Result], *words: Any, **named: Any) -> Result:
        """Run an act in a transaction of its own."""
        with self.realm.engine.begin() as connection:
            return act(connection, *words, **named)

    def read(self, act: Callable[..., Result], *words: Any, **named: Any) -> Result:
        """Run an act that only reads."""
        with reading(self.realm.engine) as connection:
            return act(connection, *words, **named)


def without_disk(engine: Engine) -> Engine:
    """Let an engine of SQLite not wait for the disk: no test here pulls the plug."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    return engine


def new_service(engine: Engine, times: Times | None = None) -> Service:
    """Return a service on an empty database; close its passwords at the end."""
    realm = Realm(
        engine,
        CATALOGUE,
        PARTY,
        SealingKey(bytes(range(32))),
        PasswordHashing(QUICK),
        times or Times(),
    )
    return Service(open_realm(realm))


def at_once(*acts: Callable[[], Result]) -> list[Result | AccountsError]:
    """Run acts in threads that begin together; return what each returned or was refused with."""
    ready = Barrier(len(acts))

    def run(act: Callable[[], Result]) -> Result | AccountsError:
        ready.wait(60)
        try:
            return act()
        except AccountsError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def refusals(answers: list[Any]) -> list[AccountsError]:
    """Return those answers that are refusals."""
    return [answer for answer in answers if isinstance(answer, AccountsError)]
