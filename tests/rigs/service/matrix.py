"""People of every role and scope at our API, and what their requests are about."""

from dataclasses import dataclass, field
from typing import Any, Final

from accounts.directory import create_account, new_handle
from accounts.factors.throttle import Visitor
from accounts.proposals import ProposalKind, propose, second
from accounts.roles import Grant, Principal, allows
from accounts.signing_in.machine_tokens import TokenWish, make_token
from accounts.signing_in.sessions import identify_session, open_session, renew_token
from accounts.signing_in.step_up import identify
from accounts.signing_in.walls import WallWish, make_wall_code
from controller.api.instants import rfc3339
from controller.incidents.model import Health
from controller.roles import CATALOGUE, Right, Role
from tests.rigs.service.api_bench import ApiBench
from tests.rigs.service.browser import Browser

NORTH: Final = "yaounde/maroua"
# Where everything that the requests are about stands.
HERE: Final = f"{NORTH}/mayo-sava"
ELSEWHERE: Final = "yaounde/douala"
# What speaks of the whole network is for those alone whose scope is that.
WHOLE: Final = ""
DIGEST: Final = "0" * 64
CUT: Final = "mora-kolofata-fibre"
ENDS: Final = ("mora-r1", "kolofata-r1")
WINDOW: Final = {
    "subjects": [{"kind": "circuit", "name": CUT}],
    "first_day": "2099-12-01",
    "begins": "22:00",
    "ends": "02:00",
}
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


def subject_wall(world: World) -> str:
    """Return the number of a wall of somebody in the north, whose code waits."""
    wish, by = WallWish("NOC", "overview", HERE, Right.LOOK, "fr"), world.people["subject"].by
    now_s = world.bench.clock()
    return make_wall_code(world.bench.realm, by, wish, now_s=now_s, because="test").id


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
