"""The same use cases at a running controller: asked over its API, followed to their end."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from controller.apply.events import Progress
from controller.apply.recovery import RollbackResult
from controller.clock import Clock, SystemClock
from controller.drivers.observe import ReadProgress
from controller.model import Plan, PushResult
from controller.operations.exchange import parse_error, parse_event, parse_push
from controller.operations.model import ApplyWish
from controller.planning.from_folder import FolderPlan, PlanChoices
from controller.planning.plan_file import parse_document, plan_document
from controller.transport.api_client import ApiClient, ApiError, segment
from inventory.errors import Fault, IntentError, NoControllerError, PlanError
from inventory.model import CircuitName, DeviceName, Intent

_RUNNING: Final = "running"
_WAIT_S: Final = 10
# For so long a controller may be away while an operation is followed: one that is started again, or
# another behind the same proxy, goes on telling of it.
_AWAY_S: Final = 30.0
_AGAIN_S: Final = 0.5
# What a proxy answers whose controller is gone, and one that cannot read its records.
_AWAY: Final = frozenset({502, 503, 504})
# As many as the API takes in one question.
_MOST_NAMES: Final = 5_000


@dataclass(frozen=True, slots=True)
class RemoteController:
    """A controller that runs, on this machine or elsewhere."""

    client: ApiClient

    @property
    def local(self) -> bool:
        """Return whether it runs on this machine and knows its files."""
        return isinstance(self.client.place, Path)

    def unfinished(self) -> tuple[Mapping[str, Any], ...]:
        """Return the applies that are not over."""
        return tuple(self.client.all("/applies", state="unfinished"))

    def history(self) -> list[dict[str, Any]]:
        """Return all applies, newest first."""
        return self.client.all("/applies")

    def apply_of(self, number: int) -> dict[str, Any]:
        """Return an apply with its steps."""
        found: dict[str, Any] = self.client.get(f"/applies/{segment(number)}")
        return found

    def plan(self, folder: Path | None, choices: PlanChoices, progress: ReadProgress) -> FolderPlan:
        """Return the plan of a folder; None is that of the controller.

        Raises what draft_folder() raises.
        """
        running = choices.running
        body = {
            "only": list(choices.only),
            "without": list(choices.without),
            "devices_cut": choices.devices_cut,
            "facilities_cut": choices.facilities_cut,
            "failing": list(choices.failing),
            "folder": str(folder.absolute()) if folder else None,
            "running": str(running.absolute()) if running else None,
        }
        try:
            made = self._followed("/plans", body, progress)
        except IntentError as error:
            raise IntentError(_from_here(fault, folder) for fault in error.faults) from error
        return self._plan(made["plan"])

    def apply(self, plan: Plan, file: Path, wish: ApplyWish, progress: Progress) -> PushResult:
        """Return how applying the plan of a file ended.

        Raises what an apply on this machine raises, and PlanError when it is not known there.
        """
        digest = str(plan_document(plan)["sha256"])
        number = self._number(digest, file)
        body = {
            "digest": digest,
            "confirm_within_s": wish.confirm_within_s,
            "in_consultations": wish.in_consultations,
            "approval": wish.approval,
        }
        ended = self._followed(f"/plans/{number}/apply", body, progress)
        return parse_push(ended["push"])

    def confirm(self, number: int | None, progress: Progress) -> PushResult:
        """Keep an apply that waits for a person."""
        return parse_push(self._act(number, "confirm", progress)["push"])

    def rollback(self, number: int | None, progress: Progress) -> RollbackResult:
        """Undo the apply of a number, or the last one."""
        ended = self._act(number, "rollback", progress)
        return RollbackResult(parse_push(ended["push"]), inverse=ended["inverse"])

    def resume(self, progress: Progress, without: Collection[DeviceName] = ()) -> PushResult | None:
        """Finish or unwind an apply that was interrupted; None if there is no such apply."""
        ended = self._act(None, "resume", progress, without)["push"]
        return parse_push(ended) if ended else None

    def consultations_over(self, devices: Collection[str]) -> str:
        """Return which running consultations go over devices, in a sentence."""
        if not devices:
            return ""
        return str(self._touched(sorted(devices))["sentence"])

    def consultations_touched(self, plan: Plan) -> Mapping[str, Any] | None:
        """Return which consultations a plan would touch, now and to come; None if it is empty."""
        devices = {change.device for change in plan.changes}
        if not devices:
            return None
        names = sorted({*devices, *_circuits_at(devices, plan.intent)})[:_MOST_NAMES]
        return self._touched(names)

    def _touched(self, names: list[str]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.client.send(
            "POST", "/consultations/touched", {"names": names}
        )
        return found

    def _act(
        self,
        number: int | None,
        kind: str,
        progress: Progress,
        without: Collection[DeviceName] = (),
    ) -> Mapping[str, Any]:
        body = {"kind": kind, "without": list(without)}
        return self._followed(f"/applies/{number or 'latest'}/acts", body, progress)

    def _number(self, digest: str, file: Path) -> int:
        """Return the number that the controller gave to a plan; one of this machine it may read."""
        if known := self.client.all("/plans", digest=digest):
            return int(known[0]["number"])
        if not self.local:
            raise PlanError(
                f"{file}: {self.client.place} does not know this plan (any more); make it again "
                "with 'sanaga plan --controller URL --out FILE'"
            )
        made = self._followed("/plans", {"file": str(file.absolute())}, lambda _: None)
        return int(made["plan"])

    def _plan(self, number: int) -> FolderPlan:
        found = self.client.get(f"/plans/{segment(number)}/file")
        plan = parse_document(found["document"], f"plan {number}")
        return FolderPlan(plan, found["unmanaged"], tuple(found["notes"]))

    def _followed(
        self, path: str, body: Mapping[str, Any], progress: Callable[[Any], None]
    ) -> Mapping[str, Any]:
        """Begin an operation and tell of it until it ends; Ctrl-C ends it there, in order."""
        begun = self.client.send("POST", path, body)
        follower = _Follower(self.client, str(begun["id"]), progress)
        try:
            ended = follower.follow()
        except KeyboardInterrupt:
            self.client.send("POST", f"/operations/{begun['id']}/interrupt")
            ended = follower.follow()
        if ended["error"]:
            raise parse_error(ended["error"])
        result: Mapping[str, Any] = ended["result"]
        return result


def _from_here(fault: Fault, folder: Path | None) -> Fault:
    """Return a fault with its file as seen from the current folder, so that editors open it."""
    file = Path(fault.where.file)
    if folder is None or not file.is_relative_to(folder.absolute()):
        return fault
    seen = folder / file.relative_to(folder.absolute())
    return replace(fault, where=replace(fault.where, file=str(seen)))


@dataclass(slots=True)
class _Follower:
    client: ApiClient
    number: str
    progress: Callable[[Any], None]
    position: int = 0
    clock: Clock = field(default_factory=SystemClock)

    def follow(self) -> Mapping[str, Any]:
        """Return an operation once it has ended."""
        while True:
            found = self._news()
            self.position = found["position"]
            for body in found["events"]:
                if event := parse_event(body):
                    self.progress(event)
            if found["state"] != _RUNNING:
                return found

    def _news(self) -> Mapping[str, Any]:
        """Return what is new; where nobody answers for a while, another controller may soon."""
        deadline = self.clock.now() + _AWAY_S
        while True:
            try:
                found: Mapping[str, Any] = self.client.get(
                    f"/operations/{segment(self.number)}", after=self.position, wait_s=_WAIT_S
                )
            except NoControllerError:
                if self.clock.now() > deadline:
                    raise
            except ApiError as error:
                if error.status not in _AWAY or self.clock.now() > deadline:
                    raise
            else:
                return found
            self.clock.pause(_AGAIN_S)


def _circuits_at(devices: Collection[DeviceName], intent: Intent | None) -> Iterator[CircuitName]:
    for circuit in intent.circuits.values() if intent else ():
        ends = (circuit.a,) if circuit.b is None else (circuit.a, circuit.b)
        if any(end.device in devices for end in ends):
            yield circuit.name
