"""Ready-made intent folders, shipped as data."""

from difflib import get_close_matches
from pathlib import Path
from typing import Final

from inventory.documents.yaml_writer import claim_folder
from inventory.errors import UnknownNameError
from inventory.output_file import create_file

FOLDER: Final = Path(__file__).parents[1] / "examples"


def example_names() -> tuple[str, ...]:
    """Return the names of the examples."""
    return tuple(sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir()))


def write_example(folder: Path, name: str) -> None:
    """Write an example into an empty or new folder.

    Raises UnknownNameError where there is no such example, SanagaError where the folder is not
    empty or cannot be written.
    """
    if name not in example_names():
        near = get_close_matches(name, example_names(), n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are: {', '.join(example_names())}"
        raise UnknownNameError(f"no example is called {name!r}; {meant}")
    claim_folder(folder)
    for file in sorted((FOLDER / name).iterdir()):
        create_file(folder / file.name, file.read_bytes())
