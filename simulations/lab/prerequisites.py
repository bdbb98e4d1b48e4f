"""What a laboratory needs of this machine and of the intent, all of it named at once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from inventory.errors import LabError
from inventory.model import DeviceName, Intent
from simulations.netns import capabilities

FEW: Final = 2


def require_prerequisites(intent: Intent, key: Path, controller: str) -> None:
    """Raise LabError naming everything that is missing, so that one correction is enough.

    key is the laboratory's own SSH key, controller the namespace of its controller. What only plan
    and apply will need is named beside what the laboratory itself needs.
    """
    if missing := [*_of_the_machine(), *_users(intent)]:
        raise LabError("\n  ".join([*missing, *unreachable(intent, key, controller)]))


def unreachable(intent: Intent, key: Path, controller: str) -> tuple[str, ...]:
    """Return for want of what plan and apply will not reach the laboratory's devices."""
    return (*_namespaces(intent, controller), *_keys(intent, f"file:{key}"))


def _of_the_machine() -> Iterator[str]:
    checks: tuple[Callable[[], None], ...] = (
        capabilities.require_root,
        capabilities.require_packages,
    )
    for check in checks:
        try:
            check()
        except LabError as error:
            yield str(error)


def _users(intent: Intent) -> Iterator[str]:
    devices: dict[str, list[DeviceName]] = {}
    for device in intent.devices.values():
        if device.management and not capabilities.knows_user(device.management.username):
            devices.setdefault(device.management.username, []).append(device.name)
    for user, names in sorted(devices.items()):
        yield (
            f"{_listed(names)}: this machine has no user {user!r}; laboratory routers share its "
            "users, so write 'username: root' under management"
        )


def _namespaces(intent: Intent, controller: str) -> Iterator[str]:
    if intent.network.management_namespace is None:
        yield (
            "plan and apply look for the devices in this machine's own network; write "
            f"'management_namespace: {controller}' under network"
        )


def _keys(intent: Intent, credential: str) -> Iterator[str]:
    managed = [d for d in intent.devices.values() if d.management]
    without = [d.name for d in managed if d.management and not d.management.credential]
    if without:
        yield (
            f"{_listed(without)}: no key is named for plan and apply; write "
            f"'credential: \"{credential}\"' under management"
        )


def _listed(names: list[DeviceName]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{', '.join(sorted(names)[:FEW])}{more}"
