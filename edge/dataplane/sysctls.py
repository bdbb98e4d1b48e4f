"""Kernel settings that the data plane needs, and what they were before.

Source: Documentation/networking/ip-sysctl.rst.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from edge.forwarding.routes import ip_versions
from edge.policy.model import EdgePolicy
from inventory.errors import EdgeError

ROOT: Final = Path("/proc/sys")
# Answers may come by another way than ours go: any way back will do.
LOOSE: Final = "2"


@dataclass(frozen=True, slots=True)
class Setting:
    """A kernel setting by its path below /proc/sys; lasting ones outlive our interfaces."""

    name: str
    value: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Undo:
    """What lasting settings were before we changed them."""

    settings: Mapping[str, str] = field(default_factory=dict)

    def merged(self, newer: Self) -> "Undo":
        """Return both together; what was noted first is what was there before us."""
        return Undo({**newer.settings, **self.settings})

    def as_dict(self) -> dict[str, dict[str, str]]:
        """Return the value as JSON knows it."""
        return {"settings": dict(self.settings)}


def policy_sysctls(policy: EdgePolicy) -> tuple[Setting, ...]:
    """Return the settings of a policy."""
    return tuple(_settings(policy))


def _settings(policy: EdgePolicy) -> Iterator[Setting]:
    yield Setting("net/ipv4/ip_forward", "1")
    if 6 in ip_versions(policy):
        yield Setting("net/ipv6/conf/all/forwarding", "1")
    for underlay in policy.underlays:
        yield _loose(underlay.interface)
        yield Setting(f"net/ipv4/conf/{underlay.interface}/src_valid_mark", "1")
        yield _loose(underlay.tunnel, lasting=False)
    yield _loose(policy.care.interface, lasting=False)


def _loose(interface: str, *, lasting: bool = True) -> Setting:
    return Setting(f"net/ipv4/conf/{interface}/rp_filter", LOOSE, lasting)


def undo_of(wanted: Iterable[Setting]) -> Undo:
    """Return what the lasting settings are that would be changed."""
    lasting = (setting for setting in wanted if setting.lasting)
    return Undo({s.name: now for s in lasting if (now := _read(s.name)) not in {None, s.value}})


def write_sysctls(wanted: Iterable[Setting]) -> tuple[str, ...]:
    """Write the settings that differ and say so; those of missing interfaces wait.

    Raises EdgeError.
    """
    differing = [s for s in wanted if _read(s.name) not in {None, s.value}]
    for setting in differing:
        _write(setting.name, setting.value)
    return tuple(f"set {setting.name} to {setting.value}" for setting in differing)


def restore_sysctls(undo: Undo) -> tuple[str, ...]:
    """Write back what settings were, and say so. Raises EdgeError."""
    return write_sysctls(Setting(name, value) for name, value in undo.settings.items())


def _read(name: str) -> str | None:
    try:
        return (ROOT / name).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def _write(name: str, value: str) -> None:
    try:
        (ROOT / name).write_text(value, encoding="ascii")
    except OSError as error:
        raise EdgeError(
            f"the kernel refused to set {name} to {value}: {error.strerror}; are you root?"
        ) from error
