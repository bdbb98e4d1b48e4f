"""Runs the test tiers: what needs no namespaces in parallel, then real routers.

Ends with an error when a tier fails, when no test ran, or when a test on real routers
was skipped: a machine that cannot run them must say so, not look green. With --long it runs the
tests marked long instead, which take minutes and rarely break, and property tests with all their
examples. The tests marked kernel are a tier of their own, run by make test-kernel.
"""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET  # our own pytest wrote what is parsed here
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NO_TESTS: Final = 5
PACKAGES: Final = (
    "accounts", "controller", "database", "edge", "inventory", "policies", "simulations",
    "topology", "vpn",
)  # fmt: skip
# Read by tests/rigs/examples.py: property tests draw all their examples.
ALL_EXAMPLES: Final = "SANAGA_ALL_EXAMPLES"


@dataclass(frozen=True, slots=True)
class Tier:
    """One call of pytest; skips says whether a test of it may be skipped.

    where says in which folders its tests are, for every process collects all that it may run.
    """

    name: str
    arguments: tuple[str, ...]
    skips: bool
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """How a tier ended; skipped names the tests that did not run, with the reason.

    narrowed says that the caller chose among the tests, so that a tier may be left with none.
    """

    tier: Tier
    code: int
    ran: int
    skipped: tuple[str, ...]
    seconds: float
    narrowed: bool

    @property
    def faults(self) -> tuple[str, ...]:
        """Return in sentences why the tier is not green."""
        faults = []
        if self.code not in (0, NO_TESTS):
            faults.append(f"pytest ended with {self.code}")
        if not self.ran and not self.narrowed:
            faults.append("no test ran")
        if not self.tier.skips:
            faults += [f"skipped: {test}" for test in self.skipped]
        return tuple(faults)


# Tests wait more than they work: two cores are busy for about half of the time with three
# processes. tests/conftest.py says which laboratories belong together, and which begin first.
PROCESSES: Final = ("-n", "4")
SIDE_BY_SIDE: Final = (*PROCESSES, "--dist", "loadscope", "--no-loadscope-reorder")
TIERS: Final = (
    Tier(
        "unit, property, golden",
        ("-m", "not netns and not kernel and not long", *SIDE_BY_SIDE),
        skips=True,
        where=("--ignore=tests/netns", "--ignore=tests/kernel"),
    ),
    Tier("netns", ("-m", "netns and not long", *SIDE_BY_SIDE), skips=False, where=("tests/netns",)),
)
LONG: Final = (
    Tier(
        "every example",
        ("-m", "not netns and not long", *PROCESSES),
        skips=True,
        where=("tests/property",),
    ),
    Tier("long", ("-m", "long and not kernel", *SIDE_BY_SIDE), skips=False),
)


def keep_bytecode() -> None:
    """Compile our modules, once for all processes that tests start, whatever the shell says.

    Where Python is told to write no bytecode, each of some thousand processes would do it again.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # noqa: TID251 - of the tests' processes
    packages = [str(ROOT / name) for name in PACKAGES]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "2", *packages], check=False)  # noqa: S603


def run(tier: Tier, extra: Sequence[str], report: Path) -> Result:
    """Run pytest for a tier, showing its own output as it comes."""
    print(f"== {tier.name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tier.arguments]
    if not any((ROOT / word.partition("::")[0]).exists() for word in extra):
        command += tier.where
    began = time.monotonic()
    done = subprocess.run([*command, *extra], cwd=ROOT, check=False)  # noqa: S603
    ran, skipped = read(report)
    return Result(tier, done.returncode, ran, skipped, time.monotonic() - began, bool(extra))


def read(report: Path) -> tuple[int, tuple[str, ...]]:
    """Return from pytest's own report how many tests ran, and which did not."""
    if not report.exists():
        return 0, ()
    cases = ET.parse(report).getroot().findall(".//testcase")  # noqa: S314
    skips = {
        f"{case.get('classname')}::{case.get('name')}: {skip.get('message')}": None
        for case in cases
        for skip in case.findall("skipped")
    }
    return len(cases) - len(skips), tuple(skips)


def main(arguments: Sequence[str]) -> int:
    """Run every tier, also after one has failed, and say how each ended."""
    extra = [word for word in arguments if word != "--long"]
    tiers = LONG if "--long" in arguments else TIERS
    if tiers is LONG:
        os.environ[ALL_EXAMPLES] = "yes"  # noqa: TID251 - read by the tests
    keep_bytecode()
    # What a shell starts in the background ignores it, and so would whatever tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with TemporaryDirectory() as folder:
        results = [
            run(tier, extra, Path(folder) / f"{number}.xml") for number, tier in enumerate(tiers)
        ]
    print("== summary")
    for result in results:
        state = "FAILED" if result.faults else "passed" if result.ran else "nothing chosen"
        print(f"{result.tier.name}: {state}, {result.ran} ran, {len(result.skipped)} skipped, "
              f"{result.seconds:.0f} s")  # fmt: skip
        for fault in result.faults:
            print(f"  {fault}")
    if not any(result.ran for result in results):
        print("no test ran at all")
        return 1
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
