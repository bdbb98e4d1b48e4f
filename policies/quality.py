"""What a service would see on a path, by a model, and whether that keeps its SLO."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from inventory.model import Medium
from policies.model import ServiceClass
from topology.build import LAN_RATE_MBPS
from topology.model import Path, Topology
from topology.quality import emodel
from topology.quality.emodel import END_SYSTEM_MS

# What one circuit of a medium adds to the variation of delay when nothing is wrong; the model adds
# them up, which is more than independent circuits show. Project choices.
JITTER_MS: Final[Mapping[Medium, float]] = {
    Medium.FIBRE: 0.5,
    Medium.MICROWAVE: 2.0,
    Medium.LEO: 10.0,
    Medium.LTE: 15.0,
    Medium.VSAT: 10.0,
}


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a path, end to end; rate_mbps is that of the slower direction."""

    delay_ms: float
    jitter_ms: float
    loss: float
    rate_mbps: float
    mos: float


def expected_quality(topology: Topology, path: Path) -> Quality:
    """Return the quality that the circuits of a path promise, hosts included."""
    links = [topology.links[name] for name in path.links]
    rates = (min(link.rate_up_mbps, link.rate_down_mbps) for link in links)
    delay_ms = path.delay_ms + END_SYSTEM_MS
    jitter_ms = sum(JITTER_MS[link.medium] for link in links if link.medium)
    return Quality(
        delay_ms=delay_ms,
        jitter_ms=jitter_ms,
        loss=path.loss,
        rate_mbps=min(rates, default=LAN_RATE_MBPS),
        # The receiver holds sound back as long as it may come late.
        mos=emodel.mos(emodel.r_factor(delay_ms + jitter_ms, path.loss)),
    )


def quality_shortfalls(owed: ServiceClass, quality: Quality) -> Iterator[str]:
    """Yield each figure of a path that misses what a service is owed, in words."""
    slo = owed.slo
    if quality.delay_ms > slo.delay_ms:
        yield f"delay {quality.delay_ms:.4g} ms > {slo.delay_ms:g} ms"
    if quality.jitter_ms > slo.jitter_ms:
        yield f"jitter {quality.jitter_ms:.4g} ms > {slo.jitter_ms:g} ms"
    if quality.loss > slo.loss:
        yield f"loss {percent(quality.loss)} > {percent(slo.loss)}"
    if quality.rate_mbps < owed.rate_mbps:
        yield f"rate {quality.rate_mbps:.4g} Mbit/s < {owed.rate_mbps:g} Mbit/s"
    if slo.mos is not None and quality.mos < slo.mos:
        yield f"MOS {quality.mos:.2f} < {slo.mos:g}"


def kept(owed: ServiceClass, quality: Quality) -> str:
    """Return in words that a path without shortfalls keeps what a service is owed."""
    spoken = "" if owed.slo.mos is None else f", MOS {quality.mos:.2f} ≥ {owed.slo.mos:g}"
    return f"within the SLO of {owed.name}{spoken}"


def quality_figures(quality: Quality) -> str:
    """Return the figures of a path in words."""
    return (
        f"{quality.delay_ms:.4g} ms (hosts {END_SYSTEM_MS:g} ms), "
        f"jitter {quality.jitter_ms:.3g} ms, loss {percent(quality.loss)}, "
        f"{quality.rate_mbps:.4g} Mbit/s"
    )


def percent(share: float) -> str:
    """Return a share of packets in per cent."""
    return f"{100 * share:.3g} %"
