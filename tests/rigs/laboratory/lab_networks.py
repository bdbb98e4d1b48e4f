"""Laboratories for tests: a small network, unique names, and a look at what they leave."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from controller.intended.render import render
from controller.intended.routers import intended_routers
from inventory.country.examples import write_example
from inventory.model import Intent, Medium, Platform, Role
from simulations.lab import lab as labs
from simulations.lab.lab import Lab
from simulations.netns import namespaces, processes, registry
from tests.factories import Draft

EXAMPLE: Final = "northern-spur"
# Names that this process gave; of none of them anything may be left when its tests are over.
NAMES: Final[list[str]] = []
NETWORK: Final = """\
network:
  name: {name}
  asn: 65000
  addressing:
    ipv4_sites: 10.0.0.0/8
    ipv4_loopbacks: 172.16.0.0/14
    ipv4_links: 172.20.0.0/14
    ipv6: "fd5a:6e61:6700::/40"
  thresholds: {{devices: 1, facilities: 1}}
  management_namespace: sanaga-{name}-noc
sites:
  - name: yaounde
    number: 1
    level: central
    title: Yaoundé
    region: CM-CE
    place: {{latitude: 3.866, longitude: 11.516, quality: exact}}
    facilities: [{{name: Hôpital Central, kind: central-hospital}}]
  - name: garoua
    number: 2
    level: regional
    parent: yaounde
    title: Garoua
    region: CM-NO
    place: {{latitude: 9.301, longitude: 13.398, quality: exact}}
    facilities: [{{name: Hôpital Général, kind: general-hospital}}]
  - name: maroua
    number: 3
    level: regional
    parent: yaounde
    title: Maroua
    region: CM-EN
    place: {{latitude: 10.591, longitude: 14.316, quality: exact}}
    facilities: [{{name: Hôpital Régional, kind: regional-hospital}}]
devices:
  - {{name: yaounde-r1, site: yaounde, role: router, platform: frr,
     management: {{address: 198.18.0.9, username: root, credential: "{key}"}}}}
  - {{name: garoua-r1, site: garoua, role: router, platform: frr,
     management: {{address: 198.18.0.17, username: root, credential: "{key}"}}}}
  - {{name: maroua-r1, site: maroua, role: router, platform: frr, packet_filter: {filters},
     management: {{address: 198.18.0.25, username: root, credential: "{key}"}}}}
circuits:
  - {{name: yaounde-garoua, number: 1, medium: fibre, cost: {cost},
     a: {{device: yaounde-r1, interface: eth1}}, b: {{device: garoua-r1, interface: eth1}},
     rate_up_mbps: 1000, rate_down_mbps: 1000, delay_ms: 2}}
  - {{name: yaounde-maroua, number: 2, medium: fibre,
     a: {{device: yaounde-r1, interface: eth2}}, b: {{device: maroua-r1, interface: eth1}},
     rate_up_mbps: 1000, rate_down_mbps: 1000, delay_ms: 2}}
  - {{name: garoua-maroua, number: 3, medium: fibre, cost: {cost},
     a: {{device: garoua-r1, interface: eth2}}, b: {{device: maroua-r1, interface: eth2}},
     rate_up_mbps: 1000, rate_down_mbps: 1000, delay_ms: 2}}
"""


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
    return _managed_by_root(draft.intent(name=name))


def edged(name: str) -> Intent:
    """Return two sites behind edges: a hub at Yaoundé, and Garoua with satellite and LTE too."""
    draft = Draft()
    draft.site("yaounde")
    draft.site("garoua", "yaounde")
    draft.zone("yaounde", "yaounde")
    draft.circuit("spine", "yaounde-r1", "garoua-r1")
    for site in ("yaounde", "garoua"):
        draft.devices[f"{site}-r1"] = replace(draft.devices[f"{site}-r1"], lan=False)
        edge = draft.device(site, 2, role=Role.EDGE, platform=Platform.LINUX, lan=True)
        draft.devices[f"{site}-e1"] = replace(draft.devices.pop(edge.name), name=f"{site}-e1")
        draft.circuit(f"{site}-fibre", f"{site}-e1", f"{site}-r1")
    for medium in (Medium.LEO, Medium.LTE):
        operator = f"provider:{medium}-operator"
        draft.circuit(f"garoua-{medium}", "garoua-e1", operator, medium=medium)
        draft.circuit(f"yaounde-{medium}-uplink", "yaounde-e1", operator)
    return _managed_by_root(draft.intent(name=name))


def _managed_by_root(made: Intent) -> Intent:
    devices = {
        device.name: replace(device, management=replace(device.management, username="root"))
        for device in made.devices.values()
        if device.management
    }
    return replace(made, devices=devices)


@contextmanager
def converged_triangle(stem: str, *, within_s: float) -> Iterator[Lab]:
    """Give a converged laboratory of the triangle, and see to it that nothing is left of it."""
    with converged(triangle(unique(stem)), within_s=within_s) as made:
        yield made


@contextmanager
def converged(intent: Intent, *, within_s: float) -> Iterator[Lab]:
    """Give a converged laboratory with blank edges, and see to it that nothing is left of it."""
    configs = {name: render(intended).text for name, intended in intended_routers(intent).items()}
    try:
        made = labs.bring_up(intent, configs=configs)
        made.wait_converged(within_s)
        yield made
    finally:
        labs.take_down(intent.network.name)
    assert leftovers(intent.network.name) == []


def unique(stem: str) -> str:
    """Return a laboratory name that no other test run on this machine uses."""
    NAMES.append(f"{stem}-{uuid4().hex[:6]}")
    return NAMES[-1]


def leftovers(name: str) -> list[str]:
    """Return everything on this machine that belongs to a laboratory of that name.

    That is also who lives with one of its processes in a namespace whose name is gone.
    """
    prefix = f"sanaga-{name}-"
    found = [entry.name for entry in namespaces.DIRECTORY.glob(f"{prefix}*")]
    found += [str(path) for path in (registry.ROOT / name,) if path.exists()]
    there = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    place = registry.ROOT / name
    mine = {pid for pid in there - {os.getpid()} if processes.uses_folder(pid, place)}
    return [*found, *(f"process {pid}" for pid in sorted(mine | namespaces.unnamed_company(mine)))]


def write_triangle(folder: Path, name: str, *, cost: int = 1) -> Path:
    """Write the intent of the triangle that a laboratory of that name runs, without a provider.

    cost is that of two of its circuits, so that another one changes all three routers; with
    another one Maroua's router does not filter, so that its packet filter changes as well.
    """
    folder.mkdir()
    key = registry.ROOT / name / "controller_key"
    (folder / "network.yaml").write_text(
        NETWORK.format(name=name, key=f"file:{key}", cost=cost, filters=str(cost == 1).lower()),
        encoding="utf-8",
    )
    return folder


def write_spur(folder: Path, name: str) -> Path:
    """Write the example northern-spur as the intent of a laboratory of that name."""
    write_example(folder, EXAMPLE)
    rename_network(folder, name)
    return folder


def rename_network(folder: Path, name: str) -> None:
    """Make an intent of the example northern-spur that of a laboratory of a name."""
    for file in folder.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        text = text.replace(f"lab/{EXAMPLE}/", f"lab/{name}/").replace(
            f"name: {EXAMPLE}", f"name: {name}"
        )
        file.write_text(text.replace(f"sanaga-{EXAMPLE}-", f"sanaga-{name}-"), encoding="utf-8")


def ssh(
    lab: Lab, device: str, request: Sequence[str], stdin: str = "", **options: str
) -> "subprocess.CompletedProcess[str]":
    """Return what a device's door answers over the OpenSSH client and its pinned host key."""
    machine = next(m for m in lab.blueprint.machines if m.device == device)
    assert machine.management
    wanted = {
        "IdentityFile": str(lab.controller_key),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": str(lab.folder.path / "known_hosts"),
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        **options,
    }
    flags = [word for key, value in wanted.items() for word in ("-o", f"{key}={value}")]
    argv = ["ssh", "-F", "none", *flags, f"root@{machine.management.ip}", *request]
    with namespaces.entered_namespace(lab.blueprint.controller):
        return subprocess.run(
            argv, input=stdin, capture_output=True, text=True, check=False, timeout=90
        )


def ask_door(lab: Lab, device: str, *request: str) -> str:
    """Return what a router answers to a request that it must not refuse."""
    done = ssh(lab, device, [shlex.join(request)])
    done.check_returncode()
    return done.stdout


def running(lab: Lab) -> dict[str, str]:
    """Return what every router shows as its running configuration and its tables, as they stand."""
    routers = [router.device for router in lab.blueprint.routers]
    return {name: lab.vtysh(name, "show running-config") + loaded(lab, name) for name in routers}


def loaded(lab: Lab, device: str) -> str:
    """Return the packet filter of a router in nft's own words, without what counters say."""
    return lab.exec(device, ["nft", "-s", "list", "ruleset"]).stdout
