"""What an edge has installed: the base and the extra `edge`, and all that these draw."""

import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parents[3]
UNIT: Final = ROOT / "edge" / "systemd" / "sanaga-edge.service"
OURS: Final = (
    "database",
    "accounts",
    "inventory",
    "topology",
    "policies",
    "vpn",
    "edge",
    "controller",
    "simulations",
)
# Refuses every library that an edge has not, and then runs what follows.
WITHOUT_THE_REST: Final = """
import sys
LACKING = set({lacking!r})
class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LACKING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refusal())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in LACKING else found(name, *more)
"""


def edge_libraries() -> dict[str, Distribution]:
    """Return the libraries that pip installs with `sanaga[edge]`, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["edge"]]
    found: dict[str, Distribution] = {}
    while wanted:
        need = Requirement(wanted.pop())
        if need.name in found or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        found[need.name] = distribution(need.name)
        wanted += found[need.name].requires or ()
    return found


def lacking_modules() -> list[str]:
    """Return the modules installed here that an edge has not."""
    there = {_plain(name) for name in edge_libraries()} | {"sanaga"}
    return [
        module
        for module, owners in packages_distributions().items()
        if module not in {*OURS, *sys.stdlib_module_names} and not there & set(map(_plain, owners))
    ]


def command(program: str, lacking: Sequence[str] | None = None) -> list[str]:
    """Return the command line of a program without some libraries, or with an edge's alone."""
    without = lacking_modules() if lacking is None else [*lacking]
    return [sys.executable, "-c", WITHOUT_THE_REST.format(lacking=without) + program]


def installed_bytes(libraries: Iterable[Distribution]) -> int:
    """Return what libraries hold on the disk, bytecode included."""
    files = [library.locate_file(file) for library in libraries for file in library.files or ()]
    return sum(Path(str(file)).stat().st_size for file in files if Path(str(file)).is_file())


def unit_settings() -> dict[str, str]:
    """Return the settings of the daemon's unit for systemd."""
    lines = UNIT.read_text().splitlines()
    return {name: said for name, equals, said in (line.partition("=") for line in lines) if equals}


def unit_capabilities() -> list[str]:
    """Return what is left of root's power, as setpriv names it."""
    names = unit_settings()["CapabilityBoundingSet"].split()
    return [name.removeprefix("CAP_").lower() for name in names]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
