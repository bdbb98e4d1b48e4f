"""What the difference between two configurations does to traffic, judged line by line.

It reads the indented style that FRR, IOS and EOS share: a line belongs to the nearest line
above that is indented less. Policies of edges are judged as such.
"""

import re
from dataclasses import replace
from difflib import unified_diff
from typing import Final

from controller.model import DeviceConfig, Impact
from controller.platforms import edge_policy
from controller.platforms.filter_block import split_block
from controller.platforms.indented import _judged, _Outline
from controller.platforms.model import ConfigImpact, is_routed, is_understood, unconfigured
from controller.wording import count

CONTEXT_LINES: Final = 3
_SECRET: Final = re.compile(
    r"\b((?:password|secret|md5|key-string|psk) (?:\d )?)\S+", re.IGNORECASE
)


def diff(before: DeviceConfig, after: DeviceConfig) -> str:
    """Return the difference for a person, with values of secrets hidden.

    For a blank device, and for one whose text is not understood, it is one line that counts what
    comes.
    """
    if not is_understood(before):
        return f"{_lines(before)} that cannot be read give way; {_summary(after)}"
    if unconfigured(before):
        kind = "edge without a policy" if edge_policy.is_policy(after) else "blank router"
        return f"{kind}: {_summary(after)}"
    lines = unified_diff(
        before.text.splitlines(), after.text.splitlines(), "running", "intended", n=CONTEXT_LINES
    )
    return "\n".join(_SECRET.sub(r"\1<hidden>", line.rstrip("\n")) for line in lines)


def assess(before: DeviceConfig, after: DeviceConfig) -> ConfigImpact:
    """Return what going from one configuration to the other does to traffic."""
    if edge_policy.is_policy(after):
        impact, because = edge_policy.judge(before, after)
        return ConfigImpact(impact, because, whole_device=not is_understood(before))
    if not is_routed(before) and after.text:
        because = "what it runs cannot be read: everything through it may stop for a moment"
        return ConfigImpact(Impact.INTERRUPTION, because, whole_device=True)
    (before, had), (after, wanted) = split_block(before), split_block(after)
    judged = _assess_routing(before, after)
    if had == wanted or judged.unconfigured:
        return judged
    return _with_filter(judged, only=before == after)


def _with_filter(judged: ConfigImpact, *, only: bool) -> ConfigImpact:
    """Return an impact with that of another packet filter: no path is touched by it."""
    because = "what may pass between segments changes"
    if not only:
        because = f"{judged.because}; {because}"
    worst = Impact.REROUTE if judged.impact is Impact.NONE else judged.impact
    return replace(judged, impact=worst, because=because)


def _assess_routing(before: DeviceConfig, after: DeviceConfig) -> ConfigImpact:
    old, new = _Outline.of(before), _Outline.of(after)
    if unconfigured(before):
        touched = old.interfaces | new.interfaces
        because = "the router is blank: nothing runs over it yet"
        return ConfigImpact(
            Impact.NONE, because, touched, touched, whole_device=True, unconfigured=True
        )
    return _judged(old, new)


def _summary(after: DeviceConfig) -> str:
    if edge_policy.is_policy(after):
        return f"{_lines(after)}, {edge_policy.summary(after)}"
    routing, table = split_block(after)
    outline = _Outline.of(routing)
    interfaces = ", ".join(sorted(outline.interfaces)) or "none"
    parts = [_lines(after), f"interfaces {interfaces}", f"BGP neighbours {len(outline.neighbours)}"]
    return ", ".join([*parts, *(["a packet filter"] if table else [])])


def _lines(config: DeviceConfig) -> str:
    return count(len(config.text.splitlines()), "line")
