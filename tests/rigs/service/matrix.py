"""People of every role and scope at our API, and for every operation a request that would succeed.

A new operation needs a line in REQUESTS: what it does where, so that the matrix can ask who may.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from accounts.directory import create_account, new_handle
from accounts.factors.throttle import Visitor
from accounts.proposals import ProposalKind, propose, second
from accounts.roles import Grant, Principal, allows
from accounts.signing_in.machine_tokens import TokenWish, make_token
from accounts.signing_in.sessions import identify_session, open_session, renew_token
from accounts.signing_in.step_up import identify
from controller.api.instants import rfc3339
from controller.incidents.model import Health
from controller.roles import CATALOGUE, Right, Role
from tests.rigs.service.api_bench import ApiBench
from tests.rigs.service.browser import Browser
from tests.rigs.service.people_requests import (
    NEWCOMER,
    a_nurse,
    a_person,
    a_written_file,
    new_key,
    newcomer,
    nurse_key,
    nurse_renamed,
)

NORTH: Final = "yaounde/maroua"
# Where everything that the requests are about stands.
HERE: Final = f"{NORTH}/mayo-sava"
ELSEWHERE: Final = "yaounde/douala"
# What speaks of the whole network is for those alone whose scope is that.
WHOLE: Final = ""
DIGEST: Final = "0" * 64
CUT: Final = "mora-kolofata-fibre"
ENDS: Final = ("mora-r1", "kolofata-r1")
# Who plans and applies in the north.
ENGINEER: Final = "network-engineer-north"
_ENDS_WITHIN_S: Final = 120
_SESSION: Final = "__Host-sanaga-session"


@dataclass
class Person:
    """Somebody who asks: a browser with a session, or a program with a token."""

    name: str
    browser: Browser
    by: Principal
    headers: dict[str, str] = field(default_factory=dict)

    def covers(self, right: Right | None, place: str | None) -> bool:
        """Return whether the person has a right at a place, or anywhere if no place is told."""
        if right is None:
            return True
        if place is None:
            return any(right in power.rights for power in self.by.powers)
        return allows(self.by, right, place)


@dataclass
class World:
    """The API with something of everything in it, all of it in the north."""

    bench: ApiBench
    people: dict[str, Person] = field(default_factory=dict)
    # A plan of an engineer of the north, and the operation that applied it.
    plan: Any = None
    operation: Any = None

    def __post_init__(self) -> None:
        """Stop the clock: a second factor counts as given just now for minutes alone."""
        self.bench.clock.stop()

    def enter(self, name: str, *held: tuple[Role, str]) -> Person:
        """Make an account that is signed in, its second factor just given."""
        realm, now_s = self.bench.realm, self.bench.clock()
        with realm.engine.begin() as connection:
            person = (name, name, new_handle())
            account = create_account(connection, person, [Grant(*one) for one in held], now_s)
            _, number = open_session(connection, realm, account, Visitor("192.0.2.1"), now_s)
            token = renew_token(connection, number, now_s, stepped_up=True)
        assert token
        by = identify_session(realm, token.text, now_s)
        assert by
        browser = Browser(self.bench, jar={_SESSION: token.text})
        self.people[name] = Person(name, browser, by)
        return self.people[name]

    def program(self, name: str, maker: str, right: Right) -> Person:
        """Make a token that holds one right."""
        realm, now_s = self.bench.realm, self.bench.clock()
        wish = TokenWish(name, (Grant(Role.ADMINISTRATOR, ""),), 3600.0, frozenset({right}))
        token, _ = make_token(realm, self.people[maker].by, wish, now_s=now_s, because="test")
        by = identify(realm, token.text, now_s)
        assert by
        bearer = {"Authorization": f"Bearer {token.text}"}
        self.people[name] = Person(name, Browser(self.bench, origin=None), by, bearer)
        return self.people[name]

    def sent(self, method: str, path: str, body: Any = None, by: str = "chief") -> Any:
        """Return what the API answers somebody who may do it."""
        answer = self.people[by].browser.send(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.text else None

    def settle(self) -> None:
        """Wait until nothing is being planned or applied."""
        operations = self.bench.changes.operations
        for one in operations.listed():
            assert operations.wait(one.id, _ENDS_WITHIN_S)

    def ended(self, begun: Any) -> Any:
        """Return the operation that an answer began, once it is over."""
        self.settle()
        return self.sent("GET", f"/operations/{begun['id']}")

    def cut(self) -> None:
        """Let a circuit of the north be cut."""
        self.bench.hear(CUT, Health.DOWN, *ENDS)
        self.bench.engine.submit()


def proposed(world: World, *, seconded: bool = False) -> str:
    """Return the number of a proposal that changes nothing, about somebody in the north."""
    realm, now_s = world.bench.realm, world.bench.clock()
    chief, deputy = (world.people[name].by for name in ("chief", "deputy"))
    kept: dict[str, Any] = {"catalogue": CATALOGUE, "now_s": now_s}
    with realm.engine.begin() as connection:
        demote = ProposalKind.DEMOTE
        number = propose(connection, chief, "subject", demote, **kept, because="test")
        if seconded:
            second(connection, deputy, number, CATALOGUE, now_s)
    return number


def subject_session(world: World) -> str:
    """Return the number of a session of somebody in the north."""
    realm, now_s = world.bench.realm, world.bench.clock()
    account = world.people["subject"].by.account.id
    with realm.engine.begin() as connection:
        return open_session(connection, realm, account, Visitor("192.0.2.9"), now_s)[1]


def subject_token(world: World) -> str:
    """Return the number of a token of somebody in the north."""
    wish = TokenWish("t", (Grant(Role.VIEWER, HERE),), 3600.0)
    by = world.people["subject"].by
    return make_token(world.bench.realm, by, wish, now_s=world.bench.clock(), because="test")[1]


def a_window(world: World) -> str:
    """Return the name of a maintenance window in the north."""
    world.sent("PUT", "/maintenance/splice-1", WINDOW)
    return "splice-1"


def announcement(world: World, _person: Person | None = None) -> Any:
    """Return a consultation in the north that runs now."""
    return {
        "sites": ["mora", "kolofata"],
        "begins_at": rfc3339(world.bench.clock() - 60),
        "minutes": 60,
    }


def a_consultation(world: World) -> str:
    """Return the name of a consultation in the north."""
    return str(world.sent("POST", "/consultations", announcement(world))["name"])


def a_past_consultation(world: World) -> str:
    """Return the name of a consultation in the north that was ended."""
    name = a_consultation(world)
    world.sent("DELETE", f"/consultations/{name}")
    return name


def a_plan(world: World) -> str:
    """Return the number of a plan for the north, when nothing is being applied."""
    world.settle()
    if world.plan is None:
        begun = world.sent("POST", "/plans", {"only": ["kolofata"]}, by=ENGINEER)
        made = world.ended(begun)
        world.plan = world.sent("GET", f"/plans/{made['result']['plan']}")
    return str(world.plan["number"])


def its_digest(world: World, _person: Person | None = None) -> Any:
    """Return what names the plan for the north to whoever applies it."""
    a_plan(world)
    return {"digest": world.plan["digest"], "in_consultations": True}


def an_operation(world: World) -> str:
    """Return the id of the operation that applied a plan for the north."""
    number = a_plan(world)
    if world.operation is None:
        begun = world.sent("POST", f"/plans/{number}/apply", its_digest(world), by=ENGINEER)
        world.operation = world.ended(begun)
        assert world.operation["state"] == "done", world.operation
    return str(world.operation["id"])


def an_apply(world: World) -> str:
    """Return the number of an apply in the north."""
    an_operation(world)
    return str(world.operation["apply"])


def no_choice(world: World, _person: Person) -> Any:
    """Return a wish for a plan of all that one may plan, when nobody else makes one."""
    world.settle()
    return {}


def this_month(world: World) -> str:
    """Return the name of the report of the month that goes on."""
    return f"availability-{rfc3339(world.bench.clock())[:7]}"


def an_incident(world: World) -> str:
    """Return the number of the incident in the north."""
    return str(world.sent("GET", "/incidents")["items"][0]["number"])


def own_token(_world: World, person: Person) -> Any:
    """Return a wish for a token of which the person has every right."""
    grants = [{"role": one.role, "scope": one.scope} for one in person.by.grants]
    return {"title": "t", "days": 1, "grants": grants}


WINDOW: Final = {
    "subjects": [{"kind": "circuit", "name": CUT}],
    "first_day": "2099-12-01",
    "begins": "22:00",
    "ends": "02:00",
}
VIEWER_HERE: Final = [{"role": "viewer", "scope": HERE}]
Value: TypeAlias = str | Callable[[World], str]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that succeeds for whoever has the right at the place (None: at any place).

    A value of no name stands nowhere in the address, and must be there all the same. right is what
    is needed beside what the route states. A request that is asked of nobody but
    strangers would change who asks.
    """

    place: str | None = None
    values: dict[str, Value] = field(default_factory=dict)
    body: Any = None
    query: str = ""
    right: Right | None = None
    strangers_alone: bool = False
    persons_alone: bool = False

    def address(self, path: str, world: World) -> str:
        """Return the address, with something of the north that is there."""
        for name, value in self.values.items():
            told = value if isinstance(value, str) else value(world)
            path = path.replace(f"{{{name}}}", told) if name else path
        return path + self.query

    def content(self, world: World, person: Person) -> Any:
        """Return the body that a person sends."""
        return self.body(world, person) if callable(self.body) else self.body


_MANAGED: Final = partial(Request, HERE, right=Right.MANAGE_ACCOUNTS)
_OWN: Final = Request(strangers_alone=True)
REQUESTS: Final[dict[str, Request]] = {
    "GET /summary": Request(),
    "GET /sites": Request(),
    "GET /sites/{name}": Request(HERE, {"name": "kolofata"}),
    "GET /devices": Request(),
    "GET /devices/{name}": Request(HERE, {"name": "kolofata-r1"}),
    "GET /circuits": Request(),
    "GET /circuits/{name}": Request(HERE, {"name": CUT}),
    "GET /circuits/{name}/history": Request(HERE, {"name": CUT}, query="?device=kolofata-e1"),
    "GET /incidents": Request(),
    "GET /incidents/{number}": Request(HERE, {"number": an_incident}),
    "POST /incidents/{number}/acts": Request(
        HERE, {"number": an_incident}, {"kind": "comment", "text": "x"}
    ),
    "GET /handover": Request(),
    "GET /maintenance": Request(),
    "PUT /maintenance/{name}": Request(HERE, {"name": "splice-1"}, WINDOW),
    "GET /maintenance/{name}": Request(HERE, {"name": a_window}),
    "DELETE /maintenance/{name}": Request(HERE, {"name": a_window}),
    "GET /consultations": Request(),
    "POST /consultations": Request(HERE, {}, announcement),
    "POST /consultations/check": Request(HERE, {}, {"sites": ["mora", "kolofata"]}),
    "POST /consultations/touched": Request(None, {}, {"names": ["mora-r1"]}),
    "GET /consultations/{name}": Request(HERE, {"name": a_consultation}),
    "DELETE /consultations/{name}": Request(HERE, {"name": a_consultation}),
    "GET /consultations/{name}/report": Request(HERE, {"name": a_past_consultation}),
    # A report is narrowed to what its reader sees.
    "GET /reports": Request(),
    "GET /reports/{name}": Request(None, {"name": this_month}),
    "GET /schedules": Request(),
    "POST /schedules/{name}/runs": Request(WHOLE, {"name": "availability"}),
    "GET /plans": Request(),
    "POST /plans": Request(None, {}, no_choice),
    "GET /plans/{number}": Request(HERE, {"number": a_plan}),
    "GET /plans/{number}/file": Request(WHOLE, {"number": a_plan}),
    # A plan that needs no second person is told so; tests of approvals ask for those that do.
    "POST /plans/{number}/approval": Request(WHOLE, {"number": "987654"}),
    "POST /plans/{number}/apply": Request(HERE, {"number": a_plan}, its_digest),
    "GET /applies": Request(),
    "GET /applies/{number}": Request(HERE, {"number": an_apply}),
    "POST /applies/{number}/acts": Request(HERE, {"number": an_apply}, {"kind": "rollback"}),
    "GET /operations": Request(),
    "GET /operations/{number}": Request(HERE, {"number": an_operation}),
    "POST /operations/{number}/interrupt": Request(
        HERE, {"number": an_operation}, right=Right.APPLY
    ),
    "GET /approvals": Request(),
    "POST /approvals/{number}/passkey-options": Request(
        None, {"number": "none"}, {"digest": DIGEST}
    ),
    "POST /approvals/{number}/approve": Request(
        WHOLE, {"number": "none"}, {"digest": DIGEST, "totp": "000000"}
    ),
    "GET /vpn/people": Request(),
    "GET /vpn/people/{name}": Request(HERE, {"name": a_person}),
    "POST /vpn/people/{name}/revoke": Request(HERE, {"name": a_person}, {"because": "test"}),
    "PUT /vpn/people/{name}": Request(HERE, {"name": a_person}, nurse_renamed),
    "POST /vpn/people/{name}/devices": Request(
        HERE,
        {"name": newcomer},
        lambda *_: {"person": a_nurse(NEWCOMER), "device": "tablet", "public_key": new_key()},
    ),
    "POST /vpn/people/{name}/refusals": Request(
        HERE,
        {"name": newcomer},
        {"device": "laptop", "site": "mora", "refused": "other words", "because": "test"},
    ),
    "POST /vpn/people/{name}/rotation": Request(
        HERE, {"name": a_person}, lambda *_: {"public_key": new_key()}
    ),
    "POST /vpn/people/{name}/entry": Request(HERE, {"name": a_person}, a_written_file),
    "POST /vpn/people/{name}/export": Request(HERE, {"name": a_person}, {"because": "test"}),
    "POST /vpn/owners": Request(HERE, {"": a_person}, nurse_key),
    "POST /vpn/people-lists/plan": Request(WHOLE, {}, {"rows": []}),
    "POST /vpn/people-lists/removals": Request(WHOLE, {}, {"kept": []}),
    "POST /vpn/people-lists/preparation": Request(WHOLE, {}, {"steps": []}),
    "POST /vpn/people-lists/entry": Request(WHOLE, {}, {"pending": "none", "because": "test"}),
    "GET /vpn/dialling": Request(None, {"": a_person}),
    "POST /vpn/rosters": Request(None, {"": a_person}, {"gateways": []}),
    "POST /vpn/gateway-readings": Request(WHOLE, {}, {"what": "calls"}),
    "POST /vpn/gateways/{name}/peers": Request(WHOLE, {"name": "none"}, {"because": "test"}),
    "POST /vpn/gateways/{name}/rules": Request(WHOLE, {"name": "none"}, {"interface": "people0"}),
    "POST /vpn/terms-plans": Request(WHOLE, {}, {}),
    "POST /vpn/terms": Request(WHOLE, {}, {"digest": DIGEST, "because": "test"}),
    "POST /vpn/edge-acts": Request(WHOLE, {}, {"kind": "list"}),
    "GET /vpn/terms": Request(WHOLE),
    "GET /vpn/gateways": Request(WHOLE),
    "GET /vpn/edges": Request(),
    "GET /audit": Request(WHOLE),
    "GET /audit/verification": Request(WHOLE),
    "GET /backups": Request(WHOLE),
    "POST /backups": Request(WHOLE),
    "POST /backups/{name}/verification": Request(
        WHOLE, {"name": "sanaga-20260101T000000Z.sanaga-backup"}
    ),
    # What the owner of the machine alone may is nobody's here.
    "POST /machine/account-links": Request(WHOLE, {}, {"kind": "first-administrator"}),
    "POST /machine/backups": Request(
        WHOLE, {}, {"folder": "none", "keep": 1, "passphrase": "none"}
    ),
    "GET /machine/access-terms": Request(WHOLE),
    "GET /vpn/signing-key": Request(),
    "GET /stream": Request(),
    "POST /sign-out": _OWN,
    "GET /account": Request(),
    "POST /account/step-up/options": Request(persons_alone=True),
    "POST /account/step-up": _OWN,
    "PUT /account/password": _OWN,
    "POST /account/factors": Request(persons_alone=True),
    "POST /account/factors/finish": _OWN,
    "DELETE /account/factors/totp": _OWN,
    "DELETE /account/factors/passkeys/{id}": _OWN,
    "POST /account/recovery-codes": Request(persons_alone=True),
    "GET /sessions": Request(),
    "DELETE /sessions/{id}": _MANAGED({"id": subject_session}),
    "GET /tokens": Request(),
    "POST /tokens": Request(body=own_token, persons_alone=True),
    "DELETE /tokens/{id}": _MANAGED({"id": subject_token}),
    "GET /roles": Request(),
    "GET /accounts": Request(),
    "GET /accounts/{id}": Request(HERE, {"id": "subject"}),
    "PUT /accounts/{id}/grants": Request(HERE, {"id": "subject"}, {"grants": VIEWER_HERE}),
    "PUT /accounts/{id}/enabled": Request(HERE, {"id": "subject"}, {"enabled": True}),
    "POST /invitations": Request(
        HERE, {}, {"name": "new.one", "title": "New", "grants": VIEWER_HERE}
    ),
    "GET /announcements": Request(),
    "GET /proposals": Request(),
    "POST /proposals": Request(
        HERE, {}, {"account": "subject", "kind": "demote", "because": "test"}
    ),
    "POST /proposals/{id}/second": Request(HERE, {"id": proposed}),
    "POST /proposals/{id}/objection": _MANAGED({"id": proposed}),
    "POST /proposals/{id}/outcome": Request(HERE, {"id": partial(proposed, seconded=True)}),
}
