"""What a plan is computed from, for intents made in code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from controller.intended.render import render
from controller.intended.routers import intended_routers
from controller.model import DeviceConfig, Operational
from controller.planning.plan import PlanInputs
from inventory.model import Intent
from topology.build import build_topology

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BLANK = DeviceConfig("frr defaults traditional\n")


def configs(intent: Intent) -> dict[str, DeviceConfig]:
    return {name: render(intended) for name, intended in intended_routers(intent).items()}


def view(intent: Intent, running: Mapping[str, DeviceConfig], **more: Any) -> PlanInputs:
    operational = Operational(running, more.pop("unreachable", {}))
    return PlanInputs(intent, build_topology(intent), configs(intent), operational, **more)


def blank(intent: Intent) -> dict[str, DeviceConfig]:
    return dict.fromkeys(intent.devices, BLANK)
