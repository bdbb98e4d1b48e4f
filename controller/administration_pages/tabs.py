"""The first page of the administration that somebody may open."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from controller.api.problems import ProblemError
from controller.api.rights import Access, needs
from controller.roles import Right
from controller.web.visitor import PageRoute, Reader, see_other

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)
ADMINISTRATION: Final = "/administration"
TABS: Final[Mapping[str, Right]] = {
    "accounts": Right.MANAGE_ACCOUNTS,
    "walls": Right.HANDLE_INCIDENTS,
    "audit": Right.SEE_AUDIT,
}


@router.get(ADMINISTRATION, openapi_extra=needs(Access.SIGNED_IN))
def show_first(reader: Reader) -> Response:
    """Lead to the first page that the reader may open."""
    held = {right for power in reader.principal.powers for right in power.rights}
    for tab, right in TABS.items():
        if right in held:
            return see_other(f"{ADMINISTRATION}/{tab}")
    raise ProblemError(
        HTTPStatus.FORBIDDEN, "your roles have nothing to administer; ask an administrator for one"
    )
