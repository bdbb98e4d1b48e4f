"""For every operation of our API a request that would succeed.

A new operation needs a line in REQUESTS: what it does where, so that the matrix can ask who may.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from controller.roles import Right
from tests.rigs.service.matrix import (
    CUT,
    DIGEST,
    HERE,
    WHOLE,
    WINDOW,
    Person,
    World,
    a_consultation,
    a_past_consultation,
    a_plan,
    a_window,
    an_apply,
    an_incident,
    an_operation,
    announcement,
    its_digest,
    no_choice,
    own_token,
    proposed,
    subject_session,
    subject_token,
    subject_wall,
    this_month,
)
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
    "GET /devices/{name}/neighbours": Request(HERE, {"name": "kolofata-r1"}),
    "GET /circuits": Request(),
    "GET /circuits/{name}": Request(HERE, {"name": CUT}),
    "GET /circuits/{name}/history": Request(HERE, {"name": CUT}, query="?device=kolofata-e1"),
    "GET /what-if": Request(HERE, query=f"?failed={CUT}"),
    "GET /incidents": Request(),
    "GET /incidents/{number}": Request(HERE, {"number": an_incident}),
    "POST /incidents/{number}/acts": Request(
        HERE, {"number": an_incident}, {"kind": "comment", "text": "x"}
    ),
    "GET /handover": Request(),
    "GET /rotas": Request(),
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
    "GET /applies/{number}/rollback": Request(HERE, {"number": an_apply}),
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
    "POST /approvals/{number}/refuse": Request(
        WHOLE, {"number": "none"}, {"digest": DIGEST, "because": "test"}
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
    "GET /audit/newest": Request(WHOLE),
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
    "GET /walls": Request(),
    "POST /walls": Request(HERE, {}, {"title": "NOC", "scope": HERE}, persons_alone=True),
    "DELETE /walls/{id}": _MANAGED({"id": subject_wall}),
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
