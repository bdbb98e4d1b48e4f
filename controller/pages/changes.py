"""The pages of changes: what is planned and was applied, and one plan with its approval."""

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from controller.account_routes.caller import AnyCaller, Caller
from controller.api.context import Viewer
from controller.api.paging import PageRequest
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import sites_with
from controller.change_routes import applies, approvals, operations, plans
from controller.roles import Right
from controller.routes import network
from controller.web.acting import carry_out, page_with
from controller.web.diffs import waves_of
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


@router.post(f"{CHANGES}/plans", openapi_extra=needs(Right.PLAN))
def make_plan(request: Request, reader: Reader, form: Form) -> Response:
    """Begin to compare what runs with what is intended, and show how that goes on."""

    def make() -> Response:
        only = form.get("only", "").replace(",", " ").split()
        cut = int(form["cut"]) / 100 if form.get("cut", "").isdecimal() else None
        choices = {"only": only, "devices_cut": cut, "facilities_cut": cut}
        asked = plans.PlanRequest.model_validate(choices)
        begun = plans.make_plan(asked, reader, Response())
        return see_other(f"{CHANGES}/operations/{begun['id']}")

    return carry_out(make, lambda fault: _listed(request, reader, None, fault), CHANGES)


@router.get(_PLAN, openapi_extra=needs(Right.PLAN))
def show_plan(request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller) -> Response:
    """Show what a plan changes, whom it hurts, who approved it, and how it is applied."""
    return _shown(request, number, reader, caller)


@router.post(f"{_PLAN}/request", openapi_extra=needs(Right.APPLY))
def ask_approval(
    request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller
) -> Response:
    """Ask a second person for a plan."""
    return _done(request, number, reader, caller, lambda: plans.request_approval(number, reader))


@router.post(f"{_PLAN}/approve", openapi_extra=needs(Right.APPROVE))
def approve_plan(
    request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Approve the digest that was shown, by a second factor."""

    def give() -> None:
        asked = {"digest": form.get("digest", ""), **_factor(form)}
        body = approvals.ApproveBody.model_validate(asked)
        approvals.give_approval(form.get("request", ""), body, caller)

    return _done(request, number, reader, caller, give)


@router.post(f"{_PLAN}/refuse", openapi_extra=needs(Right.APPROVE))
def refuse_plan(
    request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Refuse the digest that was shown, and say why."""

    def give() -> None:
        said = {name: form.get(name, "") for name in ("digest", "because")}
        body = approvals.RefuseBody.model_validate(said)
        approvals.give_refusal(form.get("request", ""), body, caller)

    return _done(request, number, reader, caller, give)


@router.post(f"{_PLAN}/apply", openapi_extra=needs(Right.APPLY))
def apply_plan(
    request: Request, number: PlanNumber, reader: Reader, caller: AnyCaller, form: Form
) -> Response:
    """Begin to apply the plan whose digest was shown, and show how that goes on."""

    def begin() -> Response:
        hold = form.get("hold", "")
        asked = plans.ApplyRequest(
            digest=form.get("digest", ""),
            confirm_within_s=int(hold) if hold.isdecimal() else None,
            in_consultations=bool(form.get("in_consultations")),
            approval=form.get("approval", ""),
        )
        begun = plans.apply_plan(number, asked, reader, Response())
        return see_other(f"{CHANGES}/operations/{begun['id']}")

    again = partial(_shown, request, number, reader, caller)
    return carry_out(begin, again, f"{CHANGES}/plans/{number}")


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


def _done(
    request: Request, number: int, reader: Viewer, caller: Caller, act: Callable[[], object]
) -> Response:
    place = f"{CHANGES}/plans/{number}"

    def done() -> Response:
        act()
        return see_other(place)

    return carry_out(done, partial(_shown, request, number, reader, caller), place)


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


def _factor(form: dict[str, str]) -> dict[str, Any]:
    if not form.get("passkey"):
        return {"totp": form.get("code", "").strip()}
    try:
        return {"passkey": json.loads(form["passkey"])}
    except ValueError:
        return {"passkey": {}}
