"""Laboratories for tests: a small network, unique names, and a look at what they leave."""

import os
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from inventory.model import Intent, Medium
from simulations.lab import namespaces, registry
from tests.factories import Draft


def triangle(name: str) -> Intent:
    """Return three sites in a triangle of fibres, one of them with a satellite provider too."""
    draft = Draft()
    draft.site("yaounde")
    draft.site("garoua", "yaounde")
    draft.site("maroua", "yaounde")
    draft.circuit("yaounde-garoua", "yaounde-r1", "garoua-r1")
    draft.circuit("yaounde-maroua", "yaounde-r1", "maroua-r1")
    draft.circuit("garoua-maroua", "garoua-r1", "maroua-r1")
    draft.circuit("sky", "maroua-r1", "provider:leo-operator", medium=Medium.LEO)
    made = draft.intent(name=name)
    devices = {
        device.name: replace(device, management=replace(device.management, username="root"))
        for device in made.devices.values()
        if device.management
    }
    return replace(made, devices=devices)


def unique(stem: str) -> str:
    """Return a laboratory name that no other test run on this machine uses."""
    return f"{stem}-{uuid4().hex[:6]}"


def leftovers(name: str) -> list[str]:
    """Return everything on this machine that belongs to a laboratory of that name."""
    prefix = f"sanaga-{name}-"
    found = [entry.name for entry in namespaces.DIRECTORY.glob(f"{prefix}*")]
    found += [str(path) for path in (registry.ROOT / name,) if path.exists()]
    mine = f"{registry.ROOT / name}/".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            found += [f"process {entry.name}"] if mine in words else []
    return found
