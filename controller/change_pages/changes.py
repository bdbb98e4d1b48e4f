"""The pages of changes: what is planned and was applied, and one plan with its approval."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from controller.account_routes.caller import AnyCaller, Caller
from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import sites_with
from controller.change_pages.diffs import waves_of
from controller.change_routes import applies, approvals, operations, plans
from controller.roles import Right
from controller.routes import network
from controller.web.acting import carry_out, page_with
from controller.web.forms import Form
from controller.web.rendering import render
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
CHANGES: Final = "/changes"
_PLAN: Final = f"{CHANGES}/plans/{{number}}"
_PAGE: Final = 50
_LATEST: Final = 15
_NONE: Final[dict[str, Any]] = {"items": [], "total": 0, "next": None}
PlanNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Cursor = Annotated[str | None, Query(max_length=500)]


@router.get(CHANGES, openapi_extra=needs(Right.LOOK))
def show_changes(request: Request, reader: Reader, cursor: Cursor = None) -> Response:
    """Show plans, applies, what is going on, and whether what runs is what is intended."""
    return _listed(request, reader, cursor)


@router.post(CHANGES, openapi_extra=needs(Right.PLAN))
def make_plan(request: Request, reader: Reader, form: Form) -> Response:
    """Begin to compare what runs with what is intended, and show how that goes on."""

    def make() -> Response:
        only = form.get("only", "").replace(",", " ").split()
        cut = int(form["cut"]) / 100 if form.get("cut", "").isdecimal() else None
        choices = {"only": only, "devices_cut": cut, "facilities_cut": cut}
        asked = plans.PlanRequest.model_validate(choices)
        begun = plans.make_plan(asked, reader, Response())
        return see_other(f"{CHANGES}/operations/{begun['id']}")

    return carry_out(make, lambda fault: _listed(request, reader, None, fault))


@router.get(_PLAN, openapi_extra=needs(Right.PLAN))
def show_plan(request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller) -> Response:
    """Show what a plan changes, whom it hurts, who approved it, and how it is applied."""
    return _shown(request, number, reader, caller)


@router.post(_PLAN, openapi_extra=needs(Right.PLAN))
def act_on_plan(
    request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Ask for, give or refuse approval of a plan, or begin to apply it, as it was shown."""

    def done() -> Response:
        act = _ACTS.get(form.get("act", ""))
        if act is None:
            detail = "this is no act; use a button of the page"
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        return see_other(act(_Asked(number, reader, caller, form)))

    again = partial(_shown, request, number, reader, caller)
    return carry_out(done, again)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A form of the page of a plan, and who sent it."""

    number: int
    reader: Viewer
    caller: Caller
    form: Mapping[str, str]

    @property
    def place(self) -> str:
        """Return the page of the plan."""
        return f"{CHANGES}/plans/{self.number}"


def _ask(asked: _Asked) -> str:
    plans.request_approval(asked.number, asked.reader)
    return asked.place


def _approve(asked: _Asked) -> str:
    given = {"digest": asked.form.get("digest", ""), **_factor(asked.form)}
    body = approvals.ApproveBody.model_validate(given)
    approvals.give_approval(asked.form.get("request", ""), body, asked.caller)
    return asked.place


def _refuse(asked: _Asked) -> str:
    said = {name: asked.form.get(name, "") for name in ("digest", "because")}
    body = approvals.RefuseBody.model_validate(said)
    approvals.give_refusal(asked.form.get("request", ""), body, asked.caller)
    return asked.place


def _apply(asked: _Asked) -> str:
    form, hold = asked.form, asked.form.get("hold", "")
    wish = plans.ApplyRequest(
        digest=form.get("digest", ""),
        confirm_within_s=int(hold) if hold.isdecimal() else None,
        in_consultations=bool(form.get("in_consultations")),
        approval=form.get("approval", ""),
    )
    begun = plans.apply_plan(asked.number, wish, asked.reader, Response())
    return f"{CHANGES}/operations/{begun['id']}"


_ACTS: Final = {"ask": _ask, "approve": _approve, "refuse": _refuse, "apply": _apply}


def _listed(
    request: Request, reader: Viewer, cursor: str | None, fault: ProblemError | None = None
) -> Response:
    plan = bool(sites_with(reader, Right.PLAN))
    found = plans.list_plans(reader, PageRequest(cursor, _PAGE)) if plan else _NONE
    values = {
        "plans": found,
        "cursor": cursor or "",
        "compared": None if cursor else next(iter(found["items"]), None),
        "applies": applies.list_applies(reader, PageRequest(None, _LATEST)),
        "operations": operations.list_operations(reader, PageRequest(None, _LATEST)),
        "fault": fault.detail if fault else "",
    }
    return render(request, page_with("changes.html.j2", "changes", fault), values, reader)


def _shown(
    request: Request,
    number: int,
    reader: Viewer,
    caller: Caller,
    fault: ProblemError | None = None,
) -> Response:
    found = plans.read_plan(number, reader, Response())
    asked = found["requests"][-1] if found["requests"] else None
    values = {
        "found": found,
        "waves": waves_of(found["plan"]["changes"]),
        "asked": asked,
        "passkey": _passkey(asked, found["digest"], caller),
        "titles": network.site_titles(reader),
        "fault": fault.detail if fault else "",
    }
    return render(request, page_with("plan.html.j2", "changes", fault), values, reader)


def _passkey(asked: dict[str, Any] | None, digest: str, caller: Caller) -> str:
    """Return what a browser needs to approve with a passkey; empty where nobody is to."""
    approver = any(Right.APPROVE in power.rights for power in caller.by.powers)
    if asked is None or asked["state"] != "waiting" or asked["cannot_decide"] or not approver:
        return ""
    body = approvals.ShownBody(digest=digest)
    return approvals.passkey_options(asked["id"], body, caller)["options"]


def _factor(form: Mapping[str, str]) -> dict[str, Any]:
    if not form.get("passkey"):
        return {"totp": form.get("code", "").strip()}
    try:
        return {"passkey": json.loads(form["passkey"])}
    except ValueError:
        return {"passkey": {}}
