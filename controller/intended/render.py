"""From what a router should be to its configuration text; the templates decide nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateNotFound

from controller.model import BgpSession, DeviceConfig, Intended
from inventory.errors import PlanError
from inventory.model import Platform
from policies.packet_filter.chains import filter_chains
from policies.packet_filter.model import PacketFilter

LINE_LENGTH: Final = 80
WORST_COST: Final = 10
DRAINED_COST: Final = 10_000
_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_SUFFIX: Final = ".conf.j2"
# What no line of a chain has, as filter_chains() yields it.
_STRANGE: Final = re.compile(r'[^A-Za-z0-9_ .,:/{}!=&;"@\t-]')
# Words, and IPv6 prefixes that begin with zeros.
_NAME: Final = re.compile(r"(?:[A-Za-z0-9]|::/?[0-9a-f])[A-Za-z0-9._:/@-]*")


class Line(str):
    """Text that is known to be one printable line."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class _Policy:
    """A route-map for what comes in over a circuit that adds so much to the MED."""

    name: str
    cost: int
    drained: bool

    @property
    def drained_cost(self) -> int:
        """Return what a drained circuit adds: few of them are better than many, then the cost."""
        return DRAINED_COST + self.cost


@dataclass(frozen=True, slots=True)
class _Session:
    """A BGP session in the words that the templates use."""

    peer: IPv4Address
    description: str
    route_map_in: str
    route_map_out: str


# Every router has all of them, used or not: FRR lists route-maps in the order in which they were
# first defined, so a set that varied would make the running text depend on its history. They
# stand by name, as the driver's canonical form has them.
_POLICIES: Final = tuple(
    sorted(
        _Policy(f"in-{'drained' if drained else 'circuit'}-{cost}", cost, drained)
        for cost in range(1, WORST_COST + 1)
        for drained in (False, True)
    ),
)


def render(intended: Intended) -> DeviceConfig:
    """Return the whole configuration of a router, in its platform's canonical form.

    Raises PlanError for a platform without a template and for a name that is not a plain word.
    """
    template = _template(intended.platform)
    return DeviceConfig(template.render(_context(intended)))


def platforms() -> frozenset[str]:
    """Return the platforms that have a template."""
    return frozenset(file.name.removesuffix(_SUFFIX) for file in _TEMPLATES.glob(f"*{_SUFFIX}"))


def one_line(text: str) -> Line:
    """Return free text as one printable line that no router can take for anything else.

    A pipe sign becomes a slash because FRR's vtysh takes what follows one for an output filter;
    empty text becomes a hyphen because a description needs a word.
    """
    printable = "".join(c if c.isprintable() else " " for c in text.replace("|", "/"))
    return Line(" ".join(printable.split())[:LINE_LENGTH].rstrip() or "-")


def _context(intended: Intended) -> Mapping[str, object]:
    return {
        "routes4": [r for r in intended.routes if r.prefix.version == 4],
        "routes6": [r for r in intended.routes if r.prefix.version == 6],
        "interfaces": intended.interfaces,
        "asn": intended.asn,
        "router_id": intended.router_id,
        "sessions": [_session(session) for session in intended.sessions],
        "networks4": intended.networks4,
        "networks6": intended.networks6,
        "policies": _POLICIES,
        "chains": _chain_lines(intended.packet_filter),
    }


def _chain_lines(wanted: PacketFilter | None) -> list[Line]:
    """Return the lines of a filter's chains; raises PlanError for one that could be more."""
    if wanted is None:
        return []
    for name in (*(lan.interface for lan in wanted.lans), *wanted.outside):
        _word(name)
    lines = list(filter_chains(wanted))
    if strange := [line for line in lines if line[:1] != "\t" or _STRANGE.search(line)]:
        raise PlanError(f"{strange[0].strip()!r} cannot stand in a packet filter")
    return [Line(line) for line in lines]


def _session(session: BgpSession) -> _Session:
    kind = "drained" if session.graceful_shutdown else "circuit"
    return _Session(
        peer=session.peer,
        description=session.description,
        route_map_in=f"in-{kind}-{session.cost}",
        route_map_out=f"out-{kind}",
    )


@cache
def _template(platform: Platform) -> Template:
    try:
        return _environment().get_template(f"{platform}{_SUFFIX}")
    except TemplateNotFound:
        raise PlanError(
            f"no template for platform {platform}; give the device one of: "
            f"{', '.join(sorted(platforms()))}, or add controller/templates/{platform}{_SUFFIX}"
        ) from None


@cache
def _environment() -> Environment:
    # A router's configuration is not HTML: nothing to escape, and _word guards every value.
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        keep_trailing_newline=True,
        finalize=_word,
    )
    environment.filters["one_line"] = one_line
    return environment


def _word(value: object) -> str:
    """Let through plain words and known lines only, so that no value can end its line."""
    if isinstance(value, Line):
        return value
    text = str(value)
    if not _NAME.fullmatch(text):
        raise PlanError(f"{text!r} cannot stand in a configuration; use letters, digits and ._:/@-")
    return text
