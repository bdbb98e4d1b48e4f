"""Pages of the documentation, of which a part is written by what measured it."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def between(page: Path, name: str, text: str) -> None:
    """Replace what stands between a page's marks of a name; a page without them is left alone."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    written = page.read_text(encoding="utf-8")
    head, opened, rest = written.partition(opening)
    _, closed, tail = rest.partition(closing)
    if opened and closed:
        page.write_text(f"{head}{opening}\n{text}\n{closing}{tail}", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return what figures were measured on, and when."""
    return {
        "date": datetime.now(UTC).date().isoformat(),  # noqa: TID251
        "kernel": ".".join(platform.release().split(".")[:2]),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }


def told(about: dict[str, Any]) -> str:
    """Return facts as a line."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in about.items())
