"""The same use cases at a running controller: asked over its API, followed to their end."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from controller.apply.events import Progress
from controller.apply.recovery import RollbackResult
from controller.drivers.observe import ReadProgress
from controller.model import Plan, PushResult
from controller.operations.exchange import parse_push
from controller.operations.following import follow, from_here
from controller.operations.model import ApplyWish
from controller.planning.from_folder import FolderPlan, PlanChoices
from controller.planning.plan_file import parse_document, plan_document
from controller.transport.api_client import ApiClient, segment
from inventory.errors import IntentError, PlanError
from inventory.model import CircuitName, DeviceName, Intent

# As many as the API takes in one question.
_MOST_NAMES: Final = 5_000


@dataclass(frozen=True, slots=True)
class RemoteController:
    """A controller that runs, on this machine or elsewhere."""

    client: ApiClient

    @property
    def local(self) -> bool:
        """Return whether it runs on this machine and knows its files."""
        return self.client.local

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
            raise IntentError(from_here(fault, folder) for fault in error.faults) from error
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
        return follow(self.client, path, body, progress)


def _circuits_at(devices: Collection[DeviceName], intent: Intent | None) -> Iterator[CircuitName]:
    for circuit in intent.circuits.values() if intent else ():
        ends = (circuit.a,) if circuit.b is None else (circuit.a, circuit.b)
        if any(end.device in devices for end in ends):
            yield circuit.name
