"""Draws the README's maps with the program itself: make docs."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from controller.load import load
from inventory.country.examples import write_example
from inventory.country.intent_folder import write_national
from topology.maps.draw import draw_map

PICTURES: Final = Path(__file__).resolve().parent.parent / "docs" / "img"


def main() -> int:
    """Write both maps."""
    with TemporaryDirectory(prefix="sanaga-docs-") as work:
        country, spur = Path(work) / "country", Path(work) / "spur"
        write_national(country)
        write_example(spur, "northern-spur")
        draw_map(load(country).intent, PICTURES / "country.svg")
        draw_map(load(spur).intent, PICTURES / "northern-spur.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
