"""Trusting a device's SSH host key: seen by a person once, checked by the program ever after."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.terminal.output import UsageProblem, say, watched
from inventory.errors import HostKeyError
from inventory.output_file import replace_file

if TYPE_CHECKING:
    from inventory.model import Device, Management

FILE: Final = "known_hosts"


def pin(device: "Device", folder: Path, *, namespace: str | None, expected: str | None) -> None:
    """Fetch a device's host key, have its fingerprint confirmed, and write it to known_hosts.

    Raises UnreachableError, HostKeyError when it is another key than expected or pinned.
    """
    from controller.transport.host_key import fingerprint, shown

    key = shown(device, namespace=namespace)
    found, management = fingerprint(key), _management(device)
    say(f"{device.name} at {management.address} port {management.port} shows {found}")
    if management.host_key.split()[:2] == key.split():
        say("this key is pinned already")
        return
    if management.host_key:
        raise HostKeyError(
            device.name,
            f"another key is pinned ({fingerprint(management.host_key)}); find out why it "
            f"changed, then remove the old one from {folder / FILE} or the device's document",
        )
    _agree(device.name, found, expected)
    _add(folder / FILE, f"{_host(management)} {key}")
    say(f"pinned in {folder / FILE}")


def _agree(name: str, found: str, expected: str | None) -> None:
    import typer

    if expected is not None:
        if expected.removeprefix("SHA256:").rstrip("=") != found.removeprefix("SHA256:"):
            raise HostKeyError(name, f"shows {found}, not the expected {expected}")
    elif not watched():
        raise UsageProblem("nobody can compare the fingerprint; give it with --fingerprint")
    elif not typer.confirm("Is this the fingerprint that its console shows?", err=True):
        raise HostKeyError(name, "its host key was not accepted; nothing was pinned")


def _add(file: Path, line: str) -> None:
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    gap = "" if before.endswith("\n") or not before else "\n"
    replace_file(file, f"{before}{gap}{line}\n".encode())


def _management(device: "Device") -> "Management":
    if device.management is None:
        raise UsageProblem(f"{device.name} has no management address")
    return device.management


def _host(management: "Management") -> str:
    if management.port == 22:
        return str(management.address)
    return f"[{management.address}]:{management.port}"
