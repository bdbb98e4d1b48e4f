"""What was done and is planned around devices: applies, differences of plans, maintenance."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fastapi import Response

from controller.api.context import Viewer
from controller.api.paging import LONGEST_PAGE, PageRequest
from controller.api.scope import sites_with
from controller.change_routes import applies, plans
from controller.roles import Right
from controller.routes import incidents

_MOST: Final = 10
# So many of the newest plans are asked for what they say of a device.
_PLANS: Final = 5


def applies_to(devices: Collection[str], reader: Viewer) -> list[Mapping[str, Any]]:
    """Return the newest applies that changed any of some devices and that the reader may see."""
    found = applies.list_applies(reader, PageRequest(None, LONGEST_PAGE))["items"]
    changed = reader.context.changes.devices_of_applies() if found else {}
    return [one for one in found if not changed.get(one["id"], frozenset()).isdisjoint(devices)][
        :_MOST
    ]


def newest_difference(device: str, reader: Viewer) -> Mapping[str, Any] | None:
    """Return what the newest plan that changes a device says of it; None where none does.

    Who may not plan there is told nothing.
    """
    if reader.context.places.of_device(device) not in sites_with(reader, Right.PLAN):
        return None
    for brief in plans.list_plans(reader, PageRequest(None, _PLANS))["items"]:
        shown = plans.read_plan(brief["number"], reader, Response())["plan"]
        for change in shown["changes"]:
            if change["device"] == device:
                return {**change, "number": brief["number"], "made_at": brief["made_at"]}
    return None


def windows_of(names: Collection[tuple[str, str]], reader: Viewer) -> list[Mapping[str, Any]]:
    """Return the maintenance windows of any of some things, each as its kind and name."""
    found = incidents.list_windows(reader, PageRequest(None, LONGEST_PAGE))["items"]
    return [
        window
        for window in found
        if any((one["kind"], one["name"]) in names for one in window["subjects"])
    ]
