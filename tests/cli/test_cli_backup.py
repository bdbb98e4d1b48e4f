"""sanaga backup from a terminal: made, verified, refused without --yes, and put back."""

import json
from pathlib import Path

from controller.backups.noted import SUFFIX

PASSPHRASE = "correct horse"  # noqa: S105


def test_command_makes_verifies_and_restores(sanaga, tmp_path):
    secret = {"SANAGA_PASSPHRASE": PASSPHRASE}
    asked = sanaga("backup", "create", "--to", "backups")
    assert (asked.code, "sealed with a passphrase" in asked.err) == (1, True)
    assert sanaga("history").code == 0
    made = sanaga("backup", "create", "--to", "backups", "-o", "json", **secret)
    assert made.code == 0, made.err
    file = json.loads(made.out)["file"]
    listed = sanaga("backup", "list", "--in", "backups", "-o", "json")
    (row,) = json.loads(listed.out)
    assert (row["file"], row["rehearsal"]) == (Path(file).name, "none by a service")
    assert "no backup was made yet" in listed.err
    assert "telemetry.sqlite is in no backup" in listed.err
    assert sanaga("backup", "verify", file, **secret).code == 0
    refused = sanaga("backup", "restore", file, **secret)
    assert (refused.code, "say --yes" in refused.err) == (64, True)
    done = sanaga("backup", "restore", file, "--yes", **secret)
    assert (done.code, "what was there before is in" in done.err) == (0, True)
    assert sanaga("history").code == 0
    assert list((tmp_path / "state").glob("before-restore-*/sanaga.sqlite"))
    assert SUFFIX in file
