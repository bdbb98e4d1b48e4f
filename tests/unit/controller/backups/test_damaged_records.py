"""Records that cannot be copied are told of as such."""

from datetime import UTC, datetime

import pytest

from controller.backups.backup import create_backup
from controller.store.place import StorePlace
from inventory.errors import BackupError


def test_a_file_that_is_no_database_is_named_and_no_backup_is_left(tmp_path):
    place = StorePlace(tmp_path)
    place.file.write_bytes(b"this is no such file\n" * 200)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    with pytest.raises(BackupError, match=r"sanaga\.sqlite: cannot be copied"):
        create_backup(place, tmp_path / "backups", "correct horse", now)
    assert list((tmp_path / "backups").iterdir()) == []
