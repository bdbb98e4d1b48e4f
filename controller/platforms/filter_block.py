"""The packet filter in a router's configuration: a block after its routing software's lines."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Final

from controller.model import DeviceConfig, Operational
from controller.platforms.model import is_routed, unconfigured
from inventory.model import DeviceName

FIRST_LINE: Final = "packet-filter"


def split_block(config: DeviceConfig) -> tuple[DeviceConfig, str]:
    """Return a configuration without its packet filter, and the block of that; empty if none."""
    lines = config.text.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if line.rstrip() == FIRST_LINE), None)
    if start is None:
        return config, ""
    inner = sum(1 for _ in takewhile(_is_within, lines[start + 1 :]))
    end = start + 1 + inner
    end += sum(1 for _ in takewhile(lambda line: line.rstrip() in {"exit", "!"}, lines[end:]))
    return DeviceConfig("".join(lines[:start] + lines[end:])), "".join(lines[start:end])


def assume_filters(
    wanted: Mapping[DeviceName, DeviceConfig], seen: Operational
) -> tuple[Operational, tuple[DeviceName, ...]]:
    """Return what saved files say as if the wanted packet filters were loaded, and for whom.

    What a router shows of itself does not tell whether it filters; its door does.
    """
    untold = {
        name: DeviceConfig(config.text + block)
        for name, config in seen.configs.items()
        if name in wanted and (block := _untold(config, wanted[name]))
    }
    return replace(seen, configs={**seen.configs, **untold}), tuple(untold)


def _untold(config: DeviceConfig, wanted: DeviceConfig) -> str:
    """Return the wanted block where a saved configuration carries traffic and has none."""
    if unconfigured(config) or not is_routed(config) or split_block(config)[1]:
        return ""
    return split_block(wanted)[1]


def _is_within(line: str) -> bool:
    return line.startswith((" ", "\t"))
