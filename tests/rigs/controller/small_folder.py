"""Changing documents of the small network in the folder of a command."""

from tests.sanaga_process import Sanaga


def edit(sanaga: Sanaga, file: str, before: str, after: str) -> None:
    """Replace a text in one of the documents, which must be there."""
    path = sanaga.folder / "small" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
