"""Routes of the gateways that people dial: rosters, status, and the terms that hold there."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from controller.access.rosters import RosterWish
from controller.account_routes.bodies import BecauseText, Body, ShortText
from controller.api.context import Viewer, viewer
from controller.api.problems import ProblemError
from controller.api.rights import needs
from controller.api.scope import is_local, require_everywhere
from controller.app import open_registrar
from controller.change_routes.operations import begun
from controller.change_routes.vpn import vpn_actor
from controller.environment import state_dir
from controller.keys.signing import public_text, signing_key
from controller.operations.model import Beginning, Operation, OperationKind
from controller.operations.runner import Watch, Work
from controller.roles import Right
from controller.vpn_control.here import GatewaysHere, dialling_of
from controller.vpn_control.terms import TermsHere, TermsWish
from vpn.model import PersonDevice

router: Final = APIRouter(prefix="/vpn")
Reader = Annotated[Viewer, Depends(viewer, scope="function")]
GatewayParameter = Annotated[str, Path(max_length=200)]
LONGEST_S: Final = 86_400.0
_ROWS: Final = TypeAdapter(list[dict[str, Any]])


class DeviceBody(Body):
    """A device of a person, as it is on record."""

    person: ShortText
    name: ShortText
    number: int = Field(ge=0, lt=1 << 31)
    public_key: ShortText

    def device(self) -> PersonDevice:
        """Return the trusted value."""
        return PersonDevice(self.person, self.name, self.number, self.public_key)


DeviceList = Annotated[list[DeviceBody], Field(max_length=5_000)]


class RosterRequest(Body):
    """Which gateways get their roster, and for how long they are tried again.

    gone are devices that have lost their access: whose consultation this cuts is said.
    """

    gateways: list[ShortText] = Field(max_length=1_000)
    gone: DeviceList = Field(default_factory=list)
    within_s: float = Field(0.0, ge=0, le=LONGEST_S)


class ReadingRequest(Body):
    """What gateways are asked: how they stand, who has dialled, or whose call would be cut."""

    what: Literal["status", "sessions", "calls"]
    devices: DeviceList = Field(default_factory=list)


class PeersRequest(Body):
    """Why a gateway's peers are taken out."""

    because: BecauseText = Field(min_length=1)


class RulesRequest(Body):
    """For which interface of a gateway its packet filter is."""

    interface: ShortText


class PlaceRequest(BaseModel):
    """A folder on the controller's machine; its own unless named."""

    model_config = ConfigDict(extra="forbid")

    folder: str | None = Field(None, max_length=4_096)


class TermsRequest(PlaceRequest):
    """Terms that are to hold, by the digest of what was shown, and why."""

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    later: bool = False
    because: BecauseText = Field(min_length=1)


@router.get("/signing-key", openapi_extra=needs(Right.LOOK))
def read_signing_key(_: Reader) -> dict[str, Any]:
    """Return the public key of the controller, by which edges know what comes from it."""
    return {"key": public_text(signing_key(state_dir()))}


@router.get("/dialling", openapi_extra=needs(Right.SEE_PEOPLE))
def read_dialling(_: Reader) -> dict[str, Any]:
    """Return the network and the gateways that people dial, and which are loaded by hand."""
    with open_registrar() as registrar:
        return asdict(dialling_of(registrar.accepted()))


@router.post("/rosters", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.CHANGE_PEOPLE))
def push_rosters(asked: RosterRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to push the record to gateways; the operation tells of each as soon as it is known."""
    gone = tuple(one.device() for one in asked.gone)
    wish = RosterWish(tuple(asked.gateways), gone, asked.within_s)

    def work(watch: Watch) -> Mapping[str, Any]:
        with open_registrar() as registrar:
            left = GatewaysHere(registrar, state_dir(), watch).push(wish, watch)
        return {"left": list(left)}

    return begun(start(reader, OperationKind.ROSTERS, work), response)


@router.post(
    "/gateway-readings", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.SEE_PEOPLE)
)
def read_gateways(asked: ReadingRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to ask the gateways something; the answer is the operation's result."""
    require_everywhere(reader, Right.SEE_PEOPLE)
    devices = [one.device() for one in asked.devices]

    def work(_: Watch) -> Mapping[str, Any]:
        with open_registrar() as registrar:
            gateways = GatewaysHere(registrar, state_dir())
            if asked.what == "calls":
                return asdict(gateways.interrupted(devices))
            found = gateways.status() if asked.what == "status" else gateways.sessions()
        return {"rows": _ROWS.dump_python(list(found.rows), mode="json"), "faults": found.faults}

    return begun(start(reader, OperationKind.VPN_READING, work), response)


@router.post("/gateways/{name}/peers", openapi_extra=needs(Right.CHANGE_SITE_KEYS))
def take_peers(name: GatewayParameter, asked: PeersRequest, reader: Reader) -> dict[str, Any]:
    """Return a gateway's peers as WireGuard reads them; at the controller's machine alone."""
    require_local(reader, "the preshared keys of everybody do not leave the controller's machine")
    with open_registrar() as registrar:
        act = vpn_actor(reader, asked.because)
        peers, devices = GatewaysHere(registrar, state_dir()).peers(name, act)
    return {"peers": peers, "devices": devices}


@router.post("/gateways/{name}/rules", openapi_extra=needs(Right.SEE_PEOPLE))
def read_rules(name: GatewayParameter, asked: RulesRequest, reader: Reader) -> dict[str, Any]:
    """Return the packet filter of a gateway: what grants open, and nothing else."""
    require_everywhere(reader, Right.SEE_PEOPLE)
    with open_registrar() as registrar:
        return {"nft": GatewaysHere(registrar, state_dir()).rules(name, asked.interface)}


@router.post("/terms-plans", openapi_extra=needs(Right.CHANGE_PEOPLE))
def plan_terms(asked: PlaceRequest, reader: Reader) -> dict[str, Any]:
    """Return what the groups and gateways of a folder would change, and for whom."""
    folder = place_of(asked, reader, Right.CHANGE_PEOPLE)
    with open_registrar() as registrar:
        shown = TermsHere(registrar, state_dir()).plan(folder)
    return asdict(shown)


@router.post("/terms", status_code=HTTPStatus.ACCEPTED, openapi_extra=needs(Right.CHANGE_PEOPLE))
def accept_terms(asked: TermsRequest, reader: Reader, response: Response) -> dict[str, Any]:
    """Begin to let the terms of a folder hold, and to have former gateways let nobody in."""
    folder = place_of(asked, reader, Right.CHANGE_PEOPLE)
    act, wish = vpn_actor(reader, asked.because), TermsWish(asked.digest, asked.later)

    def work(watch: Watch) -> Mapping[str, Any]:
        with open_registrar() as registrar:
            TermsHere(registrar, state_dir()).accept(folder, wish, act, watch)
        return {}

    return begun(start(reader, OperationKind.VPN_TERMS, work), response)


def start(reader: Viewer, kind: OperationKind, work: Work) -> Operation:
    """Begin an operation for who asks, who may follow it. Raises OperationRunningError."""
    account = reader.principal.account
    operations = reader.context.changes.operations
    return operations.start(Beginning(kind, account.name, account=account.id), work)


def place_of(asked: PlaceRequest, reader: Viewer, right: Right) -> FilePath:
    """Return the folder that a request is about. Raises ProblemError."""
    require_everywhere(reader, right)
    if asked.folder is None:
        return reader.context.changes.folder
    require_local(reader, "'folder' names what is on the controller's machine")
    return FilePath(asked.folder)


def require_local(reader: Viewer, because: str) -> None:
    """Raise ProblemError (403) for who does not speak over the local socket."""
    if not is_local(reader):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"{because}; say this there")
