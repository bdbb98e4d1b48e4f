"""A link that signs somebody in at the demonstration, once, with an account made for it."""

from base64 import b32decode
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_urlsafe
from threading import Lock
from typing import Final

from accounts.audit import Actor
from accounts.directory import find_account
from accounts.factors.throttle import Visitor
from accounts.factors.totp import STEP_S, code_at
from accounts.opaque_tokens import OpaqueToken
from accounts.realm import Realm
from accounts.signing_in.links import first_administrator_link, recover_on_machine
from accounts.signing_in.second_factors import TotpCode
from accounts.signing_in.set_up import Applicant, Entered, begin_set_up, finish_set_up

NAME: Final = "demo"
PLACE: Final = "/laboratory/enter"
_TITLE: Final = "Demonstration"
_WHY: Final = "the demonstration"


@dataclass(slots=True)
class WayIn:
    """The account of a demonstration, and the session that its link opens."""

    origin: str
    password: str = field(repr=False)
    secret: bytes = field(repr=False)
    token: str = field(repr=False)
    _entered: Entered | None = field(repr=False)
    _lock: Lock = field(default_factory=Lock)

    @property
    def link(self) -> str:
        """Return the link; what stands behind '#' never leaves a browser by itself."""
        return f"{self.origin}{PLACE}#{self.token}"

    def take(self, token: str) -> Entered | None:
        """Return the session for who shows the token first; None for everybody else."""
        with self._lock:
            if not compare_digest(token.encode(), self.token.encode()):
                return None
            entered, self._entered = self._entered, None
            return entered

    def code(self, now_s: float) -> str:
        """Return what an authenticator app of the account shows now."""
        return code_at(self.secret, int(now_s // STEP_S))


def make_way_in(realm: Realm, now_s: float) -> WayIn:
    """Make the account of the demonstration, an administrator, as a person's would be made.

    One that an earlier service of the same state folder made gets another password and app. Raises
    NotAllowedError where somebody else is the administrator.
    """
    link = _link(realm, now_s)
    password = token_urlsafe(12)
    begun = begin_set_up(realm, link.text, Applicant(password, NAME, _TITLE), now_s)
    secret = b32decode(begun.secret.replace(" ", ""))
    code = TotpCode(code_at(secret, int(now_s // STEP_S)))
    entered = finish_set_up(realm, begun.token.text, code, Visitor("127.0.0.1"), now_s)
    return WayIn(realm.party.origins[0], password, secret, token_urlsafe(24), entered)


def _link(realm: Realm, now_s: float) -> OpaqueToken:
    actor = Actor(NAME, _WHY)
    with realm.engine.begin() as connection:
        if find_account(connection, NAME):
            return recover_on_machine(connection, NAME, actor, now_s)
        return first_administrator_link(connection, realm.catalogue, actor, now_s)
