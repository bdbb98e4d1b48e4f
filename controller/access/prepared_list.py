"""Steps of a list of people whose files are written elsewhere: prepared first, then entered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.access.devices import DeviceFiles, PendingDevice
from controller.access.people_list import Verb
from controller.access.registrar import Registrar
from controller.store.audit import Actor
from inventory.errors import SanagaError
from vpn.key_text import PublicKey
from vpn.model import Person


@dataclass(frozen=True, slots=True)
class StepWish:
    """One step: a verb, of whom, which device, and the public key that it gets, if it gets one."""

    verb: Verb
    person: Person
    device: str = ""
    public_key: PublicKey = ""


@dataclass(frozen=True, slots=True)
class PreparedStep:
    """A step, and the device that waits for it, if it gives one a key."""

    wish: StepWish
    pending: PendingDevice | None


def prepare_step(registrar: Registrar, wish: StepWish) -> PreparedStep:
    """Return a step with its device's files; nothing is on record. Raises AccessError."""
    if wish.verb == "add":
        pending = registrar.prepare(None, wish.person, wish.device, wish.public_key)
    elif wish.verb == "rotate":
        pending = registrar.prepare_rotation(wish.person.name, wish.device, wish.public_key)
    else:
        return PreparedStep(wish, None)
    handover = pending.handover
    return PreparedStep(
        wish,
        replace(pending, handover=DeviceFiles(wish.person, handover.device, handover.files)),
    )


def enter_steps(
    registrar: Registrar, steps: Sequence[PreparedStep], act: Actor
) -> tuple[int, SanagaError | None]:
    """Carry out steps together until one fails; return how many are done, and why not more."""
    with registrar.store.together():
        for number, step in enumerate(steps):
            try:
                _enter(registrar, step, act)
            except SanagaError as error:
                return number, error
    return len(steps), None


def _enter(registrar: Registrar, step: PreparedStep, act: Actor) -> None:
    wish = step.wish
    if step.pending:
        # Earlier steps of the same list may have changed the person.
        known = registrar.store.find(wish.person.name)
        registrar.commit_device(replace(step.pending, known=known), act)
    elif wish.verb == "change":
        registrar.change(wish.person, act)
    else:
        registrar.revoke(wish.person.name, wish.device, act)
