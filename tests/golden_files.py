"""Golden files: what the program renders, kept in git and reviewed as a diff."""

import os
from difflib import unified_diff
from pathlib import Path

_WRITE = os.environ.get("SANAGA_GOLDEN") == "write"  # noqa: TID251


def assert_golden(path: Path, actual: str) -> None:
    """Compare with the golden file, or rewrite it when SANAGA_GOLDEN=write."""
    if _WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    if actual == expected:
        return
    diff = unified_diff(
        expected.splitlines(), actual.splitlines(), str(path), "actual", lineterm=""
    )
    raise AssertionError("\n".join([*diff, "run 'make golden' and review the difference"]))
