"""Databases in folders that cannot be written, and on disks that are full."""

import os
import shutil
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from controller.store.journal import Journal
from controller.store.people import People
from controller.store.place import FILE
from inventory.errors import AccessError
from tests.former_release import unpack
from tests.rigs.people.people_rig import ACT, NGONO, TERMS, make_registrar, nowhere

NOBODY = 65534


@pytest.fixture
def folder():
    """Return a state folder in which somebody has access."""
    made = Path(tempfile.mkdtemp())
    with closing(make_registrar(made)) as registrar:
        registrar.add(NGONO, "tablet", ACT, nowhere)
    yield made
    shutil.rmtree(made)


@contextmanager
def read_only(folder):
    """Let a folder be its owner's to read; root may write everywhere, so it is nobody's then."""
    root = os.geteuid() == 0
    for path in (*folder.iterdir(), folder):
        path.chmod(0o500 if path.is_dir() else 0o400)
        if root:
            os.chown(path, NOBODY, NOBODY)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_what_is_in_a_folder_that_cannot_be_written_is_read_and_not_changed(folder):
    with read_only(folder), closing(People.open(folder)) as store:
        assert store.entry("a-ngono").person == NGONO
        assert store.trail()
        with pytest.raises(AccessError, match="readonly database; its folder is read-only"):
            store.noted("x", "y", ACT)


def test_what_was_not_yet_moved_out_of_the_log_is_read_too(folder):
    with closing(People.open(folder)) as writer:
        writer.noted("site.add", "mora-e1", ACT)
        copy = Path(tempfile.mkdtemp())
        for name in (FILE, f"{FILE}-wal"):
            if (folder / name).exists():
                shutil.copy(folder / name, copy)
    try:
        with read_only(copy), closing(People.open(copy)) as store:
            assert store.trail("mora-e1")
    finally:
        shutil.rmtree(copy)


def test_files_of_the_version_before_are_read_in_a_folder_that_cannot_be_written(tmp_path):
    unpack(tmp_path)
    former = Path(tempfile.mkdtemp())
    shutil.copytree(tmp_path / "state", former, dirs_exist_ok=True)
    try:
        with read_only(former):
            with closing(People.open(former)) as store:
                assert {one.person.name for one in store.entries()} == {"a-ngono", "b-oumarou"}
                assert len(store.trail()) == 7
                with pytest.raises(AccessError, match="readonly database; its folder is read-only"):
                    store.noted("x", "y", ACT)
            with closing(Journal.open(former)) as journal:
                assert len(journal.steps(1)) == 9
        assert not (former / FILE).exists()
    finally:
        shutil.rmtree(former)


def limit_pages(engine):
    """Let a database take no page more, as on a full disk."""
    engine.dispose()

    def limit(connection, _):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)


def test_a_full_disk_is_called_so(folder):
    with closing(People.open(folder)) as store:
        limit_pages(store._database.engine)
        with pytest.raises(AccessError, match="disk is full; free some space and say this again"):
            store.noted("x", "y" * 100_000, ACT)
        assert store.terms() == TERMS
