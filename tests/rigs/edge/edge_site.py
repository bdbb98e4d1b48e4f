"""Two real daemons in namespaces under faults, and a call between them, for tests in any file."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from edge.clock import current_moment, rfc3339
from edge.control import client as control
from edge.policy.model import EdgePolicy
from edge.signed import policy_envelope
from edge.storage.journal import read_journal
from inventory.errors import EdgeError, LabError
from simulations.netns.waiting import eventually
from tests.rigs.edge.edge_call import PACE_S
from tests.rigs.edge.edge_pair import ISSUED, End, Pair, pair
from tests.rigs.edge.edge_rig import ROOT, SERVER, TWO, Line, Place, World, world

FIRST, SECOND = (line.name for line in TWO)
BEST, OTHER = f"edge-{FIRST}", f"edge-{SECOND}"
# It ends a test that hangs and says nothing about speed: what is waited for is a state. A daemon
# starts within five seconds, and took 15 s beside a load of 13 on two cores.
SOON_S = 120.0
SETTLED_S = 20.0
RESTARTS = 5


@dataclass
class Site:
    """Both ends, and the questions that tests ask of the edge's."""

    world: World
    pair: Pair

    @property
    def edge(self):
        return self.pair.daemons["edge"]

    def status(self):
        return control.request(self.edge.folder, "status")["status"]

    def paths(self):
        return {path["name"]: path for path in self.status()["peers"][0]["paths"]}

    def classes(self):
        return {entry["name"]: entry for entry in self.status()["peers"][0]["classes"]}

    def way(self, service="portal"):
        return self.classes()[service]["path"]

    def ready(self):
        """Return whether both paths are whole and everything takes the best one."""
        try:
            paths = self.paths().values()
            whole = all(p["state"] == "up" and p["loss_out"] + p["loss_in"] < 0.01 for p in paths)
            return whole and {c["path"] for c in self.classes().values()} == {BEST}
        except (EdgeError, IndexError):
            return False

    def up(self):
        """Return whether both paths answer."""
        return self.runs() and {path["state"] for path in self.paths().values()} == {"up"}

    def consults(self):
        """Return whether both daemons know of a live consultation."""
        asked = (control.request(end.folder, "status") for end in self.pair.daemons.values())
        return all(answer["status"]["peers"][0]["consultation"] for answer in asked)

    def runs(self):
        """Return whether the edge's daemon answers and has a policy in effect."""
        try:
            return bool(self.status()["peers"])
        except EdgeError:
            return False

    def config(self):
        """Return the text of the policy that runs."""
        return control.request(self.edge.folder, "read")["config"]

    def explained(self, kind):
        return [
            str(entry["what"]) for entry in read_journal(self.edge.folder) if entry["kind"] == kind
        ]


@contextmanager
def call(site: Site, tos: int = 0xB8) -> Iterator[list[int]]:
    """Let 50 packets a second go from a LAN to the other and back; yield how many were lost.

    A call that is marked as a consultation is yielded once both ends know of it: until then one
    copy of each packet goes, and a fault in that instant may cost it.
    """
    lost: list[int] = []
    with _end(site, "server", "echo", tos) as far, _end(site, "lan", "call", tos) as near:
        began_s = current_moment().unix_s
        try:
            if tos:
                eventually(site.consults, within_s=SOON_S, what="a live call")
            yield lost
        finally:
            told, _ = near.communicate(timeout=120)
            unheard, _ = far.communicate(timeout=120)
    sent, twice, *missing = map(int, told.split())
    assert sent >= 100, "the call was too short to tell anything"
    assert twice == 0, "the call heard copies"
    if missing:
        sys.stdout.write(
            f"of {sent} packets no answer came to {missing}; the far end did not hear "
            f"[{unheard.strip()}]\n"
        )
        _tell_about(site, [began_s + number * PACE_S for number in missing])
    lost.append(len(missing))


def _tell_about(site: Site, lost_at_s: list[float]) -> None:
    """Print what both ends did around the instants at which packets that were lost were sent."""
    lines = [f"{rfc3339(at_s)} LOST" for at_s in lost_at_s]
    for end, daemon in site.pair.daemons.items():
        lines += [f"{e['at']} {end}: {e['kind']}: {_told(e)}" for e in read_journal(daemon.folder)]
    around = {rfc3339(at_s + offset)[:19] for at_s in lost_at_s for offset in (-2, -1, 0, 1, 2)}
    sys.stdout.writelines(f"{line}\n" for line in sorted({*lines}) if line[:19] in around)


def _told(entry: Mapping[str, object]) -> str:
    """Return an entry of a journal in short: decisions by class are mostly all the same."""
    way = f" [{entry['path']} + {entry['second']}]" if entry["kind"] == "decision" else ""
    return f"{entry['what']}{way}"


@contextmanager
def _end(site: Site, place: Place, role: str, tos: int) -> Iterator["subprocess.Popen[str]"]:
    """Run one end of a call, from when it is ready."""
    words = [sys.executable, "-m", "tests.rigs.edge.edge_call", role, str(SERVER), str(tos)]
    with subprocess.Popen(
        ["ip", "netns", "exec", site.world.namespace(place), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


def signed_anew(site: Site, **changes: object) -> str:
    serial = int(site.status()["policy"]["newest_serial"]) + 1
    changed = replace(site.edge.policy, **changes)
    return policy_envelope.sign_policy(
        policy_envelope.SignedPolicy(serial, ISSUED, changed), site.pair.key
    )


def put(site: Site, end: End, policy: EdgePolicy) -> None:
    """Have an end go by a policy, as a controller would."""
    daemon = site.pair.daemons[end]
    folder = daemon.folder
    serial = int(control.request(folder, "transaction")["newest_serial"]) + 1
    signed = policy_envelope.sign_policy(
        policy_envelope.SignedPolicy(serial, ISSUED, policy), site.pair.key
    )
    control.request(folder, "stage", txn=f"t{serial}", candidate=signed)
    control.request(folder, "commit", txn=f"t{serial}", within_s=60)
    control.request(folder, "confirm", txn=f"t{serial}")
    daemon.policy = policy


@contextmanager
def standing(name: str, lines: Sequence[Line] = TWO) -> Iterator[Site]:
    """Give two daemons at work in a world of their own; name must be short.

    Lines are called as the usual two, of which the first is the best.
    """
    with world(lines, name=name) as made:
        both = pair(made)
        try:
            both.start()
            yield Site(made, both)
        finally:
            both.stop()


def _at_work(site: Site) -> bool:
    with suppress(LabError):
        eventually(site.ready, within_s=SETTLED_S, what="everything over the best line")
        return True
    return False


def made_well(site: Site) -> Site:
    """Give the site with every line whole and both daemons at work on the best one."""
    for line in TWO:
        site.world.heal(line.name)
    for daemon in site.pair.daemons.values():
        if daemon.process is None or daemon.process.poll() is not None:
            daemon.start()
    if not site.ready():
        # What they remember of the last fault would keep them from the best line for long, and so
        # would a line that is not up yet when they start.
        eventually(site.up, within_s=120, what="two lines that answer")
        site.pair.restart_blank()
    # A line that fails at the start keeps traffic away for as long as a return takes.
    for _ in range(RESTARTS):
        if _at_work(site):
            break
        site.pair.restart_blank()
    else:
        raise LabError("not everything goes over the best line")
    eventually(
        lambda: site.world.pings("lan", SERVER, tos=0xB8), within_s=60, what="an answer by care"
    )
    return site
