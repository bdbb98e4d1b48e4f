"""The packet filter in a router's configuration: a block after its routing software's lines."""

from itertools import takewhile
from typing import Final

from controller.model import DeviceConfig

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


def _is_within(line: str) -> bool:
    return line.startswith((" ", "\t"))
