"""Runs the tests: those that need no namespaces and those on real routers, side by side.

Ends with an error when a test fails, when no test of a tier ran, or when a test on real routers
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
    """Tests of which a run says how they ended; those under a module, or without one all others.

    skips says whether one of them may be skipped.
    """

    name: str
    skips: bool
    under: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One call of pytest, and the tiers whose tests it runs.

    where says in which folders its tests are, for every process collects all that it may run.
    """

    tiers: tuple[Tier, ...]
    arguments: tuple[str, ...]
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A test that was to run; skipped says why it did not."""

    name: str
    failed: bool = False
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How the tests of a tier ended.

    narrowed says that the caller chose among the tests, so that a tier may be left with none.
    """

    tier: Tier
    cases: tuple[Case, ...]
    narrowed: bool

    @property
    def ran(self) -> int:
        """Return how many tests ran."""
        return len(self.cases) - len(self.skipped)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Return which tests did not run, each once, with the reason."""
        told = (f"{one.name}: {one.skipped}" for one in self.cases if one.skipped is not None)
        return tuple(dict.fromkeys(told))

    @property
    def faults(self) -> tuple[str, ...]:
        """Return in sentences why the tier is not green."""
        failed = sorted({case.name for case in self.cases if case.failed})
        faults = [f"failed: {name}" for name in failed]
        if not self.ran and not self.narrowed:
            faults.append("no test ran")
        if not self.tier.skips:
            faults += [f"skipped: {test}" for test in self.skipped]
        return tuple(faults)


# Two cores are busy with four processes. Tests on real routers wait more than they work, so all run
# in one pool. tests/conftest.py says which belong together, and which begin first.
PROCESSES: Final = ("-n", "4")
SIDE_BY_SIDE: Final = (*PROCESSES, "--dist", "loadscope", "--no-loadscope-reorder")
ROUTERS: Final = Tier("netns", skips=False, under="tests.netns")
OTHERS: Final = Tier("unit, property, golden", skips=True)
RUNS: Final = (
    Run(
        (ROUTERS, OTHERS), ("-m", "not kernel and not long", *SIDE_BY_SIDE),
        ("--ignore=tests/kernel",),
    ),
)  # fmt: skip
LONG: Final = (
    Run(
        (Tier("every example", skips=True),), ("-m", "not netns and not long", *PROCESSES),
        ("tests/property",),
    ),
    Run((Tier("long", skips=False),), ("-m", "long and not kernel", *SIDE_BY_SIDE), ()),
)  # fmt: skip


def keep_bytecode() -> None:
    """Compile our modules, once for all processes that tests start, whatever the shell says.

    Where Python is told to write no bytecode, each of some thousand processes would do it again.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # noqa: TID251 - of the tests' processes
    packages = [str(ROOT / name) for name in PACKAGES]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "2", *packages], check=False)  # noqa: S603


def run(one: Run, extra: Sequence[str], report: Path) -> tuple[int, tuple[Case, ...]]:
    """Run pytest, showing its own output as it comes; return its exit code and what it ran."""
    print(f"== {', '.join(tier.name for tier in one.tiers)}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *one.arguments]
    if not any((ROOT / word.partition("::")[0]).exists() for word in extra):
        command += one.where
    done = subprocess.run([*command, *extra], cwd=ROOT, check=False)  # noqa: S603
    return done.returncode, read(report)


def read(report: Path) -> tuple[Case, ...]:
    """Return from pytest's own report which tests were to run."""
    if not report.exists():
        return ()
    cases = ET.parse(report).getroot().findall(".//testcase")  # noqa: S314
    return tuple(_case(case) for case in cases)


def _case(told: ET.Element) -> Case:
    skip = told.find("skipped")
    failed = told.find("failure") is not None or told.find("error") is not None
    name = f"{told.get('classname')}::{told.get('name')}"
    return Case(name, failed, skipped=None if skip is None else skip.get("message", ""))


def results(tiers: Sequence[Tier], cases: Sequence[Case], *, narrowed: bool) -> list[Result]:
    """Return how each tier ended; a test belongs to the first tier that takes it."""
    mine: dict[Tier, list[Case]] = {tier: [] for tier in tiers}
    for case in cases:
        mine[next(tier for tier in tiers if case.name.startswith(tier.under))].append(case)
    return [Result(tier, tuple(some), narrowed) for tier, some in mine.items()]


def say(result: Result) -> None:
    """Print how a tier ended, and why it is not green."""
    state = "FAILED" if result.faults else "passed" if result.ran else "nothing chosen"
    print(f"{result.tier.name}: {state}, {result.ran} ran, {len(result.skipped)} skipped")
    for fault in result.faults:
        print(f"  {fault}")


def main(arguments: Sequence[str]) -> int:
    """Run everything, also after something has failed, and say how each tier ended."""
    extra = [word for word in arguments if word != "--long"]
    runs = LONG if "--long" in arguments else RUNS
    if runs is LONG:
        os.environ[ALL_EXAMPLES] = "yes"  # noqa: TID251 - read by the tests
    keep_bytecode()
    # What a shell starts in the background ignores it, and so would whatever tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    ended, codes = list[Result](), list[int]()
    with TemporaryDirectory() as folder:
        for number, one in enumerate(runs):
            code, cases = run(one, extra, Path(folder) / f"{number}.xml")
            codes.append(code)
            ended += results(one.tiers, cases, narrowed=bool(extra))
    return summary(ended, codes, time.monotonic() - began)


def summary(ended: Sequence[Result], codes: Sequence[int], seconds: float) -> int:
    """Print how all ended, and return the exit code."""
    print("== summary")
    for result in ended:
        say(result)
    broken = [code for code in codes if code not in {0, NO_TESTS}]
    for code in broken:
        print(f"pytest ended with {code}")
    if not any(result.ran for result in ended):
        print("no test ran at all")
        return 1
    print(f"{seconds:.0f} s in all")
    return int(bool(broken) or any(result.faults for result in ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
