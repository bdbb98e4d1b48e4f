"""Writes docs/cli.md, the command reference, from the commands themselves."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from typer.core import TyperGroup
from typer.main import get_command

from controller.app import KEY_MAKER
from controller.cli.main import app
from controller.settings import Settings
from edge.settings import PREFIX as EDGE_PREFIX
from edge.settings import Settings as EdgeSettings
from inventory.credentials import PASSPHRASE
from vpn.wireguard.key_backends import KeyMaker

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "cli.md"

HEAD: Final = """\
# Command reference

Written by `make docs` from the commands themselves; a test fails when it is out of date.

Data goes to stdout, messages and progress to stderr. Verbs that print data take
`-o table|json|yaml`; the keys of JSON and YAML are stable. No colour and no progress bar where
no person is watching; `NO_COLOR` is respected. `sanaga --install-completion` sets up completion
for your shell, names of sites, devices and circuits included.

| exit code | meaning |
|---|---|
| 0 | done; for `plan`: nothing to change |
| 1 | error: the message says what, where and what next |
| 2 | `plan` only: there are changes |
| 3 | applied, then rolled back: every device is as it was before |
| 4 | some devices unreachable: nothing was changed |
| 5 | devices differ: manual work needed, listed device by device |
| 64 | wrong usage |
| 130 | interrupted from the keyboard |

| environment variable | meaning |
|---|---|
"""


def reference() -> str:
    """Return the whole document."""
    group: Any = get_command(app)
    context = group.make_context("sanaga", [], resilient_parsing=True)
    sections = [
        "\n".join(_section(context, group.get_command(context, name), f"sanaga {name}"))
        for name in group.list_commands(context)
    ]
    return HEAD + "\n".join(_variables()) + "\n\n" + "\n".join(sections)


def _variables() -> Iterator[str]:
    makers = " or ".join(f"`{maker}`" for maker in KeyMaker)
    yield f"| `{KEY_MAKER}` | what makes WireGuard's keys for people's devices: {makers} |"
    what = "the sealed files that credential references name, and the controller's own keys"
    yield f"| `{PASSPHRASE}` | opens {what} once they are sealed |"
    prefix = Settings.model_config["env_prefix"]
    for before, fields in (prefix, Settings.model_fields), (EDGE_PREFIX, EdgeSettings.model_fields):
        for name, field in fields.items():
            yield f"| `{before}{name.upper()}` | {field.description} |"


def _section(parent: Any, command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, [], parent=parent, resilient_parsing=True)
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            yield from _section(context, command.get_command(context, name), f"{path} {name}")
        return
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"## {path}\n"
    yield f"    {path} {pieces}\n"
    yield f"{(command.help or '').strip()}\n"
    rows = [record for p in command.params if (record := p.get_help_record(context))]
    if rows:
        yield "| argument or option | |\n|---|---|"
        yield from (f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows)
        yield ""
    if command.epilog:
        yield f"{command.epilog.replace('Example: ', 'Example: `', 1)}`\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("\\[", "[")


def main() -> int:
    """Write the reference."""
    REFERENCE.write_text(reference(), encoding="utf-8")
    print(f"wrote {REFERENCE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
