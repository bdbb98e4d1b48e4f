"""Why a plan must not be applied: keys and peers that are lost, broken expectations, harm."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from controller.model import DeviceConfig
from controller.planning.transient import WorstWave
from controller.platforms import edge_policy
from inventory.model import DeviceName, Intent, Role, SiteName, Thresholds
from policies.model import Finding
from topology.model import BlastRadius, Topology

LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything of which a plan may cut off a share: devices with their sites, and facilities."""

    sites: Mapping[DeviceName, SiteName]
    facilities: int

    @classmethod
    def of(cls, intents: tuple[Intent, Intent], topologies: tuple[Topology, Topology]) -> "Whole":
        """Return what is there before or after."""
        weights = {**topologies[0].weights, **topologies[1].weights}
        return cls(
            {d.name: d.site for intent in intents for d in intent.devices.values()},
            sum(weight.facilities for weight in weights.values()),
        )


@dataclass(frozen=True, slots=True)
class _Share:
    """What a plan cuts off, in numbers, and when."""

    whole: Whole
    radius: BlastRadius
    when: str

    @property
    def number(self) -> int:
        """Return how many devices are cut off."""
        cut = frozenset(self.radius.disconnected)
        return sum(1 for at in self.whole.sites.values() if at in cut)

    @property
    def devices(self) -> float:
        """Return the share of devices."""
        return self.number / max(1, len(self.whole.sites))

    @property
    def facilities(self) -> float:
        """Return the share of facilities."""
        return self.radius.facilities_disconnected / max(1, self._everywhere)

    @property
    def _everywhere(self) -> int:
        return max(self.radius.facilities_disconnected, self.whole.facilities)

    def exceeds(self, allowed: Thresholds) -> bool:
        """Return whether it is more than is allowed."""
        return self.devices > allowed.devices or self.facilities > allowed.facilities

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.number} of {len(self.whole.sites)} devices ({self.devices:.1%}) and "
            f"{self.radius.facilities_disconnected} of {self._everywhere} facilities "
            f"({self.facilities:.1%}) would be cut off {self.when}: "
            f"{listed(self.radius.disconnected)}"
        )


def too_much_harm(
    whole: Whole, allowed: Thresholds, harm: WorstWave, steady: BlastRadius
) -> Iterator[str]:
    """Yield what would be cut off beyond what is allowed, and which flags allow it."""
    shares = (
        _Share(whole, harm.radius, f"while wave {harm.wave} is applied"),
        _Share(whole, steady, "once everything is applied"),
    )
    if over := [share for share in shares if share.exceeds(allowed)]:
        yield (
            f"{'. '.join(map(str, over))}. At most {allowed.devices:.1%} and "
            f"{allowed.facilities:.1%} are allowed. Change less at once, or allow it for this "
            f"plan with --allow-devices-cut {_above(max(s.devices for s in shares))} "
            f"--allow-facilities-cut {_above(max(s.facilities for s in shares))}"
        )


def failing_expectations(findings: Sequence[Finding], accepted: Collection[str]) -> Iterator[str]:
    """Yield the expectations that fail and that nobody accepted, in one text."""
    broken = [f for f in findings if not f.holds and f.expectation.text not in accepted]
    if broken:
        told = "\n".join(
            f"{f.expectation.where}: {f.expectation.text}: {f.because}" for f in broken
        )
        yield (
            f"{len(broken)} expectations do not hold; change the intent, or accept each with "
            f'--allow-failing "TEXT":\n{told}'
        )


def lost_keys(
    previous: Intent | None, intent: Intent, revoked: frozenset[DeviceName]
) -> Iterator[str]:
    """Yield the edges that would lose their tunnels because their key is pinned no more."""
    known = previous.devices if previous else {}
    lost = [
        name
        for name, device in sorted(intent.devices.items())
        if device.role is Role.EDGE and not device.public_key
        if name in known and known[name].public_key and name not in revoked
    ]
    if lost:
        yield (
            f"{listed(lost)}: the public key pinned at the last apply is in edge_keys no more, so "
            "the tunnels would go; put the line back ('sanaga edge enrol' there prints it, "
            "'sanaga lab up' writes it), and to shut it out say 'sanaga vpn site revoke'; or take "
            "the device out of the intent"
        )


def lost_peers(
    configs: Mapping[DeviceName, DeviceConfig],
    devices: Sequence[DeviceName],
    unfit: Mapping[DeviceName, str],
) -> Iterator[str]:
    """Yield the edges that would lose a peer whose own policy stays as it is."""
    lost = {peer for name in devices for peer in edge_policy.peers(configs[name])} & unfit.keys()
    if lost:
        why = "\n".join(f"{name}: {unfit[name]}" for name in sorted(lost))
        yield (
            f"{listed(sorted(lost))}: has tunnels now and would have none, while its daemon goes "
            "on sending into them, so nothing would reach its site; undo what took its tunnels, or "
            f"run 'sanaga edge stop' there and take the device out of the intent:\n{why}"
        )


def listed(names: Sequence[str]) -> str:
    """Return names in a row, the tail of a long list counted."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _above(share: float) -> str:
    """Return the share rounded up to a thousandth, as the flag wants it."""
    return f"{-(-share * 1000 // 1) / 1000:g}"
