"""The page of the audit chain: who did what, filtered, and whether the chain is whole."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from controller.api.rights import needs
from controller.change_routes.audit import list_newest, verify_chain
from controller.roles import Right
from controller.web.rendering import Page, render
from controller.web.visitor import PageRoute, Reader

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
AUDIT: Final = "/administration/audit"
KINDS: Final = ("accounts", "network", "vpn")
Filter = Annotated[str, Query(max_length=200)]


@router.get(AUDIT, openapi_extra=needs(Right.SEE_AUDIT))
def show_audit(  # noqa: PLR0913, PLR0917 - a parameter for each filter
    request: Request,
    reader: Reader,
    kind: Filter = "",
    who: Filter = "",
    subject: Filter = "",
    since: Filter = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    check: Annotated[bool, Query()] = False,  # noqa: FBT002 - a checked box of a form
) -> Response:
    """Show entries, the newest first, and on demand whether the chain is whole."""
    chosen = {"kind": kind, "who": who, "subject": subject, "since": since}
    values: dict[str, Any] = {
        "chosen": chosen,
        "filters": {name: text for name, text in chosen.items() if text},
        "kinds": KINDS,
        "tab": "audit",
        "fault": "",
        "found": None,
    }
    try:
        day = date.fromisoformat(since) if since else None
        wanted = (subject or None, kind or None, who or None, day)
        values["found"] = list_newest(reader, before, *wanted)
    except ValueError:
        values["fault"] = "write the first day as in 2026-11-30"
    values["verdict"] = verify_chain(reader) if check and not values["fault"] else None
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values["fault"] else HTTPStatus.OK
    return render(request, Page("audit.html.j2", "administration", status), values, reader)
