"""Engineers in a browser at a network of routers in memory, whose next plan is a risky one."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from accounts.roles import Grant
from controller.drivers.memory import MemoryNetwork
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.browser import Browser, first_administrator, invited
from tests.rigs.service.noc_browser import NocBrowser, noc_browser
from tests.sanaga_process import SMALL

GRANTS = {
    "garoua": (Grant(Role.NETWORK_ENGINEER, "yaounde/garoua"),),
    "operator": (Grant(Role.NOC_OPERATOR, ""),),
}


@dataclass
class ChangingOffice:
    """An author, a colleague, the network's document, and the routers."""

    noc: NocBrowser
    author: Browser
    colleague: Browser
    document: Path
    routers: MemoryNetwork
    patch: pytest.MonkeyPatch

    def renumber(self, asn: int) -> None:
        """Give the network another AS number, which no rollback brings back everywhere."""
        text, changed = re.subn(r"asn: \d+", f"asn: {asn}", self.document.read_text())
        assert changed == 1
        self.document.write_text(text)

    def planned(self) -> Any:
        """Make a plan without a page."""
        made = self.ended(
            self.author.send("POST", "/plans", {"devices_cut": 1, "facilities_cut": 1})
        )
        return self.author.send("GET", f"/plans/{made['result']['plan']}").json()

    def applied(self, plan: Any) -> Any:
        """Apply a plan without a page."""
        body = {"digest": plan["digest"]}
        return self.ended(self.author.send("POST", f"/plans/{plan['number']}/apply", body))

    def ended(self, answer: Any) -> Any:
        """Wait for an operation, and return it."""
        assert answer.status_code == 202, answer.text
        number = answer.json()["id"]
        assert self.noc.bench.changes.operations.wait(number, 120)
        return self.author.send("GET", f"/operations/{number}").json()

    def running(self) -> dict[str, str]:
        """Return what each router runs."""
        return {name: one.now_running().text for name, one in self.routers.devices.items()}

    def mute(self, *, mute: bool) -> None:
        """Let routers reach each other, or not: an apply that begins then waits for them."""
        self.patch.setenv("SANAGA_PACE", "1" if mute else "0.1")
        for device in self.routers.devices.values():
            device.reach = lambda _source, _target: not mute


@contextmanager
def changing_office(scratch: Path) -> Iterator[ChangingOffice]:
    """Give an office whose routers run what the first plan of the network says."""
    folder = scratch / "small"
    shutil.copytree(SMALL, folder)
    routers = MemoryNetwork()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(scratch / "state"))
        patch.setenv("SANAGA_PACE", "0.1")
        patch.setenv("SANAGA_APPROVAL_ABOVE", "0.1")
        place_fresh_records(scratch / "state")
        for module in ("controller.drivers.connect", "controller.planning.from_folder"):
            patch.setattr(f"{module}.connector", lambda *_, **__: routers.connect)
        with noc_browser(GRANTS, folder) as noc:
            chief = first_administrator(noc.bench)
            colleague = invited(noc.bench, chief, "colleague", Role.NETWORK_ENGINEER)
            made = ChangingOffice(noc, chief, colleague, folder / "network.yaml", routers, patch)
            assert made.applied(made.planned())["result"]["push"]["outcome"] == "confirmed"
            yield made
