"""What the acts of the demonstration stand on: the intent folder, the laboratory, the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from controller.apply.run import apply
from controller.apply.session import ApplyContext
from controller.clock import SystemClock
from controller.drivers.connect import connector
from controller.drivers.observe import observe
from controller.drivers.protocol import Connect
from controller.keys.signing import signing_key
from controller.load import Loaded, load
from controller.model import Operational, Plan
from controller.planning.from_folder import PlanChoices, PlanContext, plan_folder, to_read
from controller.store.journal import Journal
from controller.terminal.progress import told
from inventory.country.examples import write_example
from simulations.demo.facts import Applied
from simulations.lab import lab as labs
from simulations.lab.lab import Lab

EXAMPLE = "northern-spur"


@dataclass(frozen=True, slots=True)
class Stage:
    """A laboratory with its intent folder and its own record of applies."""

    folder: Path
    state: Path
    lab: Lab
    up_s: float

    @property
    def loaded(self) -> Loaded:
        """Return the folder as it is now."""
        return load(self.folder)

    def observe(self) -> Operational:
        """Return what the routers run, over SSH."""
        loaded = self.loaded
        return observe(to_read(loaded.intent, None), self._connect(loaded))

    def plan(self) -> Plan:
        """Return the plan that makes the routers what the folder declares."""
        context = PlanContext(self.state, SystemClock().instant())
        return plan_folder(self.loaded, PlanChoices(), context).plan

    def apply(self, title: str, plan: Plan) -> Applied:
        """Apply a plan and read every router again."""
        loaded = self.loaded
        journal = Journal.open(self.state)
        started = monotonic()
        try:
            with told(len(plan.seen)) as progress:
                connect = self._connect(loaded)
                result = apply(plan, ApplyContext(connect, journal, SystemClock(), progress))
        finally:
            journal.close()
        seconds = monotonic() - started
        return Applied(title, plan, result, seconds, as_before=self._as_before(plan))

    def _connect(self, loaded: Loaded) -> Connect:
        return connector(loaded.intent, loaded.folder, state_dir=self.state)

    def _as_before(self, plan: Plan) -> bool:
        now = self.observe().configs
        return {name: config.fingerprint for name, config in now.items()} == dict(plan.seen)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the folder as an engineer's editor would."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


@contextmanager
def raised_lab(work: Path) -> Iterator[Stage]:
    """Write the example, bring its routers up blank, and take them down at the end."""
    folder, state = work / EXAMPLE, work / "state"
    write_example(folder, EXAMPLE)
    started = monotonic()
    lab = labs.bring_up(load(folder).intent, controller=signing_key(state).public_key())
    up_s = monotonic() - started
    try:
        lab.write_known_hosts(folder)
        lab.write_edge_keys(folder)
        yield Stage(folder, state, lab, up_s)
    finally:
        lab.down()
