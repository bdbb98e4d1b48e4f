"""Lists of people, carried out here or by a running controller; files are written on this side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from controller.access import drafts, people_list
from controller.access.drafts import Drafts, UnfiledRecord
from controller.access.people_list import ListStep
from controller.access.registrar import Registrar
from controller.operations.exchange import parse_error
from controller.operations.following import ask
from controller.store.audit import Actor
from controller.transport.api_client import ApiClient
from controller.vpn_control.adapters import DEVICE, PERSON, files_of
from inventory.errors import AccessError, Fault, IntentError
from vpn.key_text import PublicKey
from vpn.model import PersonDevice
from vpn.people.people_list import ListedDevice
from vpn.wireguard.key_backends import MakePair
from vpn.wireguard.keys import Secret

# So many rows or steps go into one request, which has at most 1 MB.
ROWS_AT_ONCE: Final = 1_000
STEPS_AT_ONCE: Final = 100
_ORDER: Final = ("change", "add", "rotate", "revoke")
LISTED: Final = TypeAdapter(ListedDevice)
STEP: Final = TypeAdapter(ListStep)


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What a list changes, and the devices on record whose file is lost."""

    steps: tuple[ListStep, ...]
    unfiled: tuple[PersonDevice, ...]


class ListAccess(Protocol):
    """The record of people, as lists change it. Everything raises AccessError."""

    def unfiled(self) -> UnfiledRecord:
        """Return what remembers devices without a file."""

    def plan(self, listed: Sequence[ListedDevice], out: Path | None, *, prune: bool) -> ListPlan:
        """Return what a list changes; out is a reserved folder, whose drafts are finished first.

        Raises IntentError.
        """

    def apply(self, steps: Sequence[ListStep], act: Actor, files: Drafts) -> Iterator[ListStep]:
        """Yield every step when it is done; raises the error of the first that cannot be."""


@dataclass(frozen=True, slots=True)
class ListsHere:
    """The record of people of a register that is open."""

    registrar: Registrar

    def unfiled(self) -> UnfiledRecord:
        """Return what remembers devices without a file."""
        return self.registrar.store.unfiled

    def plan(self, listed: Sequence[ListedDevice], out: Path | None, *, prune: bool) -> ListPlan:
        """Return what a list changes."""
        if out:
            drafts.take_up(self.registrar, out)
        unfiled = drafts.unfiled_devices(self.registrar, out)
        steps = people_list.plan_list(self.registrar, listed, prune=prune, unfiled=unfiled)
        return ListPlan(steps, unfiled)

    def apply(self, steps: Sequence[ListStep], act: Actor, files: Drafts) -> Iterator[ListStep]:
        """Yield every step when it is done."""
        yield from people_list.apply_list(self.registrar, steps, act, files)


class _Unnoted:
    """Notes nothing: drafts are on the disk before a controller has their devices on record."""

    def note(self, device: PersonDevice, file: str) -> None:
        """Note nothing."""

    def clear(self, devices: Iterable[PersonDevice]) -> None:
        """Forget nothing."""


@dataclass(frozen=True, slots=True)
class ListsThere:
    """The record of people of a controller that runs; pair makes the keys of devices."""

    client: ApiClient
    pair: MakePair

    def unfiled(self) -> UnfiledRecord:
        """Return what notes nothing."""
        return _Unnoted()

    def plan(self, listed: Sequence[ListedDevice], out: Path | None, *, prune: bool) -> ListPlan:
        """Return what a list changes."""
        if out:
            drafts.settle_drafts(out, self._in_use)
        kept = [[one.person.name, one.device] for one in listed] if prune else None
        steps, unfiled, faults = list[ListStep](), tuple[PersonDevice, ...](), list[Fault]()
        for rows in _portions(listed, ROWS_AT_ONCE):
            body = {"rows": [LISTED.dump_python(one, mode="json") for one in rows]}
            try:
                found = ask(self.client, "POST", "/vpn/people-lists/plan", body)
            except IntentError as error:
                faults += error.faults
                continue
            steps += map(STEP.validate_python, found["steps"])
            unfiled = tuple(map(DEVICE.validate_python, found["unfiled"]))
        if faults:
            raise IntentError(faults)
        if kept is not None:
            found = ask(self.client, "POST", "/vpn/people-lists/removals", {"kept": kept})
            steps += map(STEP.validate_python, found["steps"])
        return ListPlan(_in_order(steps), unfiled)

    def apply(self, steps: Sequence[ListStep], act: Actor, files: Drafts) -> Iterator[ListStep]:
        """Yield every step when it is done; its file is on the disk before it is."""
        for portion in _portions(steps, STEPS_AT_ONCE):
            try:
                made, pending = self._prepared(portion, files)
                entry = {"pending": pending, "because": act.because}
            except BaseException:
                files.withdrawn()
                raise
            ended = ask(self.client, "POST", "/vpn/people-lists/entry", entry)
            done = int(ended["done"])
            files.dropped([device for number, device in made if number >= done])
            files.settled()
            yield from portion[:done]
            if ended["error"]:
                raise parse_error(ended["error"])

    def _prepared(
        self, steps: Sequence[ListStep], files: Drafts
    ) -> tuple[list[tuple[int, PersonDevice]], str]:
        """Write drafts of all devices that get a key; return them with the number of their step."""
        pairs = [self._pair(step) for step in steps]
        body = [_wish(step, pair) for step, pair in zip(steps, pairs, strict=True)]
        told = ask(self.client, "POST", "/vpn/people-lists/preparation", {"steps": body})
        made = list[tuple[int, PersonDevice]]()
        for one in told["files"]:
            number = int(one["step"])
            handover = files_of(one, pairs[number][0])
            files.deliver(handover)
            made.append((number, handover.device))
        files.written()
        return made, str(told["pending"])

    def _pair(self, step: ListStep) -> tuple[Secret | None, PublicKey]:
        """Return the keys of a step's device; of one that brings its key the public one alone."""
        if step.listed and step.listed.public_key:
            return None, step.listed.public_key
        return self.pair() if step.verb in {"add", "rotate"} else (None, "")

    def _in_use(self, key: PublicKey) -> bool:
        try:
            found = ask(self.client, "POST", "/vpn/owners", {"sought": key})
        except AccessError:
            return False
        return any(
            one["public_key"] == key and one["revoked"] is None
            for one in found["person"]["devices"]
        )


def _portions(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    """Yield items in portions; one that is empty where there are none."""
    yield from (items[start : start + most] for start in range(0, max(1, len(items)), most))


def _in_order(steps: Sequence[ListStep]) -> tuple[ListStep, ...]:
    """Return steps as a plan has them, whatever portions they were asked in."""
    first: dict[tuple[str, str], ListStep] = {}
    for step in steps:
        device = step.device.name if step.device else step.listed.device if step.listed else ""
        first.setdefault((step.verb, f"{step.person.name} {device}"), step)
    return tuple(sorted(first.values(), key=lambda step: _ORDER.index(step.verb)))


def _wish(step: ListStep, pair: tuple[Secret | None, PublicKey]) -> Mapping[str, Any]:
    device = step.device.name if step.device else step.listed.device if step.listed else ""
    return {
        "verb": step.verb,
        "person": PERSON.dump_python(step.person, mode="json"),
        "device": device,
        "public_key": pair[1],
        "filed": pair[0] is not None,
    }
