"""Hand-broken folders: every fault in one run, at the right place, in words that help."""

from pathlib import Path

import pytest

from inventory.documents.entries import read_documents
from inventory.intent import check_intent
from tests.golden_files import assert_golden

ERRORS = Path(__file__).parent / "errors"
FOLDERS = sorted(path for path in ERRORS.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_fault_of_a_broken_folder_is_named(folder):
    intent, faults = check_intent(read_documents(folder))
    assert intent is None
    assert_golden(ERRORS / f"{folder.name}.txt", "".join(f"{fault}\n" for fault in faults))


def test_there_are_twenty_broken_folders():
    assert len(FOLDERS) >= 20
