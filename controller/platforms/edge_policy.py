"""What the difference between two policies of an edge does to traffic."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from controller.model import DeviceConfig, Impact

Part: TypeAlias = Mapping[str, Any]

# What cannot change without a tunnel being made again.
_TUNNEL: Final = ("tunnel", "tunnel_address", "listen_port", "mtu", "interface", "gateway")
# The lists of a policy, and what every part of them is known by.
_PARTS: Final = {"underlays": ("circuit", "tunnel"), "peers": ("device",)}


def is_policy(config: DeviceConfig) -> bool:
    """Return whether a configuration is an edge's policy: JSON that says what a policy says."""
    return config.text.startswith("{") and bool(_read(config))


def judge(before: DeviceConfig, after: DeviceConfig) -> tuple[Impact, str]:
    """Return the worst that going from one policy to the other does, and why."""
    if not before.text.strip():
        return Impact.INTERRUPTION, (
            "its first policy: until the far ends have theirs, nothing passes between them"
        )
    old, new = _read(before), _read(after)
    if not (old and new):
        return Impact.INTERRUPTION, "it runs, or is to run, what is no policy"
    if broken := tuple(_broken(old, new)):
        return Impact.INTERRUPTION, f"interrupted for a moment: {', '.join(broken)}"
    return Impact.REROUTE, "no tunnel in use is touched: traffic may take another path"


def peers(config: DeviceConfig) -> frozenset[str]:
    """Return the far ends of an edge's tunnels by its policy; empty if the text is not a policy."""
    return frozenset(_by(_read(config), "peers", "device"))


def prefixes(config: DeviceConfig) -> frozenset[str]:
    """Return what is behind an edge by its policy; empty if the text is not a policy."""
    return frozenset(map(str, _read(config).get("prefixes", ())))


def summary(after: DeviceConfig) -> str:
    """Return the tunnels and peers of a policy as one line."""
    new = _read(after)
    tunnels = ", ".join(str(one["tunnel"]) for one in new.get("underlays", ())) or "none"
    peers = ", ".join(str(one["device"]) for one in new.get("peers", ())) or "none"
    return f"tunnels {tunnels}, peers {peers}"


def _broken(old: Part, new: Part) -> Iterator[str]:
    """Yield what of the old policy does not go on undisturbed."""
    if any(old.get(key) != new.get(key) for key in ("device", "network", "loopback")):
        yield "all tunnels"
    if old.get("care") != new.get("care"):
        yield "consultations"
    before, after = _by(old, "underlays", "circuit"), _by(new, "underlays", "circuit")
    yield from (f"the tunnel over {c}" for c in _touched(before, after, _TUNNEL))
    ends, now = _by(old, "peers", "device"), _by(new, "peers", "device")
    yield from (f"the tunnels to {d}" for d, was in ends.items() if _is_another(was, now.get(d)))
    yield from (f"the tunnels to {d}" for d in sorted(now.keys() - ends.keys()))


def _is_another(was: Part, becomes: Part | None) -> bool:
    """Return whether a peer goes, or is to be spoken to by a key that it was not moving to."""
    if becomes is None or was.get("loopback") != becomes.get("loopback"):
        return True
    return becomes.get("public_key") not in {was.get("public_key"), was.get("next_key")}


def _touched(
    before: Mapping[str, Part], after: Mapping[str, Part], keys: Sequence[str]
) -> Iterator[str]:
    for name, was in before.items():
        becomes = after.get(name)
        if becomes is None or any(was.get(key) != becomes.get(key) for key in keys):
            yield name


def _by(policy: Part, section: str, key: str) -> Mapping[str, Part]:
    return {str(part[key]): part for part in policy.get(section, ())}


def _read(config: DeviceConfig) -> Part:
    """Return a policy as JSON knows it, nothing if the text is not a policy."""
    try:
        found = json.loads(config.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and _readable(found) else {}


def _readable(found: Part) -> bool:
    """Return whether a policy's lists are lists of parts that say what they are."""
    return all(
        isinstance(found.get(section), list)
        and all(isinstance(part, dict) and part.keys() >= {*keys} for part in found[section])
        for section, keys in _PARTS.items()
    )
