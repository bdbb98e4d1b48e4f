"""Edges of a laboratory that do their work: their policies, given through their doors as always."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from controller.drivers.connect import connector
from controller.load import Loaded
from controller.planning.from_folder import edge_configs
from inventory.documents.edge_keys import edge_keys
from inventory.documents.host_keys import known_hosts
from inventory.errors import LabError
from inventory.intent import EDGE_KEYS, KNOWN_HOSTS
from inventory.model import Device, Intent
from simulations.devices import edges
from simulations.lab.lab import Lab
from simulations.netns.blueprint import Edge
from simulations.netns.waiting import eventually

CONFIRM_WITHIN_S: Final = 60
POLL_S: Final = 0.2


def pin_edge_keys(lab: Lab, intent: Intent) -> Intent:
    """Return an intent that knows the keys of the laboratory's machines, and the one they admit."""
    hosts = known_hosts(KNOWN_HOSTS, lab.keys(KNOWN_HOSTS)).keys
    own = edge_keys(EDGE_KEYS, lab.keys(EDGE_KEYS))
    credential = f"file:{lab.controller_key}"

    def known(device: Device) -> Device:
        if device.management is None:
            return device
        place = str(device.management.address), device.management.port
        management = replace(device.management, credential=credential, host_key=hosts[place])
        return replace(device, management=management, public_key=own.of(device.name))

    return replace(intent, devices={name: known(d) for name, d in intent.devices.items()})


def equip_edges(lab: Lab, loaded: Loaded) -> None:
    """Give every edge the policy that the documents ask for.

    Raises DeviceError when an edge refuses.
    """
    intent = pin_edge_keys(lab, loaded.intent)
    connect = connector(intent, loaded.folder)
    for name, config in edge_configs(replace(loaded, intent=intent)).items():
        driver = connect(name)
        try:
            driver.stage(config)
            driver.commit(confirm_within_s=CONFIRM_WITHIN_S)
            driver.confirm()
        finally:
            driver.close()


def wait_paths(lab: Lab, within_s: float) -> None:
    """Wait until every edge runs a policy and all its paths are up.

    Raises LabError naming what is still missing.
    """
    missing: list[str] = []

    def settled() -> bool:
        missing[:] = [text for edge in lab.blueprint.edges for text in _missing(lab, edge)]
        return not missing

    try:
        eventually(settled, within_s=within_s, what="the edges' readiness", every_s=POLL_S)
    except LabError as error:
        raise LabError(f"{error}; missing: {', '.join(missing)}") from error


def _missing(lab: Lab, edge: Edge) -> Iterator[str]:
    state = edges.edge_state(lab.folder, edge)
    if state.serial is None:
        yield f"the policy of {edge.device}"
    yield from (f"{edge.device} to {name} ({is_})" for name, is_ in state.paths if is_ != "up")
