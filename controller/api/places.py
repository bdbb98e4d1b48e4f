"""Where things stand in the hierarchy of sites: the paths along which a role has its scope."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from inventory.model import CircuitName, DeviceName, Intent, SiteName
from topology.build import build_topology
from topology.model import Topology


# Without slots, so that the paths are kept.
@dataclass(frozen=True)
class Places:
    """Paths of an intent's sites, from the centre down: "yaounde/maroua/mora/kolofata"."""

    intent: Intent

    @cached_property
    def sites(self) -> dict[SiteName, str]:
        """Return the path of every site."""
        return {name: "/".join(self._line(name)) for name in self.intent.sites}

    @cached_property
    def topology(self) -> Topology:
        """Return the graph of everything that is in use."""
        return build_topology(self.intent)

    def of_circuit(self, name: CircuitName) -> tuple[SiteName, ...]:
        """Return the sites at the ends of a circuit."""
        circuit = self.intent.circuits[name]
        ends = (circuit.a,) if circuit.b is None else (circuit.a, circuit.b)
        return tuple(dict.fromkeys(self.of_device(end.device) for end in ends))

    def of_device(self, name: DeviceName) -> SiteName:
        """Return the site of a device."""
        return self.intent.devices[name].site

    def known(self, sites: Iterable[str]) -> Collection[SiteName]:
        """Return those that are sites of the intent."""
        return [SiteName(site) for site in sites if site in self.intent.sites]

    def _line(self, name: SiteName) -> list[str]:
        """Return a site's ancestors, the highest first, and itself; a circle ends it."""
        line = [name]
        while (parent := self.intent.sites[line[-1]].parent) and parent not in line:
            line.append(parent)
        return line[::-1]
