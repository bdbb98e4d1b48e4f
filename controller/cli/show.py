"""A device's configuration: as it should be, as it is, or the difference."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.terminal.completion import complete_device
from controller.terminal.folders import FolderOption
from controller.terminal.output import Format, FormatOption, UsageProblem, emit, say, show

if TYPE_CHECKING:
    from controller.load import Loaded
    from controller.model import DeviceConfig

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command("show", epilog="Example: sanaga show mora-r1 --diff --dir my-network")
def show_device(
    name: Annotated[
        str,
        typer.Argument(metavar="DEVICE", help="Device.", autocompletion=complete_device),
    ],
    intended: Annotated[
        bool, typer.Option("--intended", help="What it should run (the default).")
    ] = False,
    running: Annotated[bool, typer.Option("--running", help="What it runs.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="From what it runs to what it should.")] = (
        False
    ),
    folder: FolderOption = Path(),
    configs: Annotated[
        Path | None,
        typer.Option(
            "--configs",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Read what devices run from DEVICE.conf files here instead of from them.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show a device's configuration, intended or running, or how they differ."""
    if intended + running + diff > 1:
        raise UsageProblem("choose one of --intended, --running and --diff")
    from controller.load import device, load

    loaded = load(folder)
    device(loaded.intent, name)
    what = "diff" if diff else "running" if running else "intended"
    texts = []
    if what != "running":
        texts.append(_intended(loaded, name))
    if what != "intended":
        texts.insert(0, _running(loaded, name, configs, as_saved=what == "running"))
    if diff and configs:
        texts[0] = _with_untold(name, *texts)
    text = _difference(*texts) if diff else texts[0].text
    if diff and not text:
        say(f"{name} runs what is intended")
    emit(
        {"device": name, "shown": what, "text": text},
        output,
        lambda: show(_coloured(text) if diff else [(text, "")]),
    )


def _intended(loaded: "Loaded", name: str) -> "DeviceConfig":
    from controller.planning.from_folder import edge_configs, router_configs
    from controller.planning.plan import unmanaged
    from inventory.errors import UnknownNameError

    configs = {**router_configs(loaded, {name}), **edge_configs(loaded, {name})}
    if name not in configs:
        raise UnknownNameError(
            f"{name} is not managed yet: {unmanaged(loaded.intent, loaded.overlay)[name]}"
        )
    return configs[name]


def _running(
    loaded: "Loaded", name: str, configs: Path | None, *, as_saved: bool
) -> "DeviceConfig":
    from controller.drivers.connect import connector, from_files
    from controller.drivers.saved_files import read_saved
    from controller.model import DeviceConfig

    if configs and as_saved:
        return DeviceConfig(read_saved(configs, name))
    if configs:
        connect = from_files(configs, loaded.intent)
    else:
        connect = connector(loaded.intent, loaded.folder)
    driver = connect(name)
    try:
        return driver.read()
    finally:
        driver.close()


def _with_untold(name: str, saved: "DeviceConfig", wanted: "DeviceConfig") -> "DeviceConfig":
    """Return what a file says of a device, and what it cannot say as it is wanted."""
    from controller.model import Operational
    from controller.platforms.filter_block import assume_filters

    seen, untold = assume_filters({name: wanted}, Operational({name: saved}, {}))
    if untold:
        say(f"the file does not tell whether {name} filters what passes between segments")
    return seen.configs[name]


def _difference(before: "DeviceConfig", after: "DeviceConfig") -> str:
    from controller.planning.impact import diff

    return diff(before, after)


def _coloured(text: str) -> list[tuple[str, str]]:
    from controller.cli.plan import colour

    return [(line, colour(line)) for line in text.splitlines()]
