"""A service whose disk fills up, and what it says then: python -m … FOLDER, its state on a disk.

FOLDER/state is a small file system of its own. What is wrong ends the program with a traceback.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from controller.transport.api_client import ApiClient, ApiError
from edge.telemetry.model import PathState
from tests.rigs.documents.noc_guides import Noc, noc
from tests.rigs.documents.shell import variables
from tests.rigs.waiting import eventually

# What was not stored is said to be so; nothing else is a fault of the service.
REFUSED: Final = 503
_WITHIN_S: Final = 60
_MOST: Final = 20_000


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("wb", buffering=0) as opened:
        for octets in (1 << 20, 4096, 1):
            try:
                while True:
                    opened.write(bytes(octets))
            except OSError:
                continue


def status_of(act: Callable[[], object]) -> int:
    """Return the status with which the API refuses something, 200 if it does it."""
    try:
        act()
    except ApiError as error:
        return error.status
    return 200


def comment_until_refused(client: ApiClient, acts: str) -> list[str]:
    """Write comments until one is refused; return those that were acknowledged."""
    said: list[str] = []
    while len(said) < _MOST:
        text = f"{len(said)} {'words ' * 300}".strip()
        body = {"kind": "comment", "text": text}
        status = status_of(partial(client.send, "POST", acts, body))
        if status != 200:
            assert status == REFUSED, status
            return said
        said.append(text)
    raise AssertionError("the disk was not full")


def sign_in(client: ApiClient) -> object:
    """Try to sign in as nobody; the attempt is counted."""
    return client.send("POST", "/sign-in", {"name": "nobody", "password": "four words at least"})


def ask_for_everything(world: Noc) -> dict[str, int]:
    """Ask for whatever is stored, on a disk that is full; return how each was answered."""
    window: dict[str, Any] = {
        "subjects": [{"kind": "site", "name": "mora"}],
        "first_day": "2099-12-01",
        "begins": "22:00",
        "ends": "23:00",
        "reason": "words " * 300,
    }
    client = world.client
    asked: dict[str, Callable[[], object]] = {
        "incidents": lambda: client.all("/incidents"),
        "handover": lambda: client.get("/handover"),
        "summary": lambda: client.get("/summary"),
        "window": lambda: client.send("PUT", "/maintenance/w", window),
        "consultation": world.announce_now,
        "schedule": lambda: client.send("POST", "/schedules/availability/runs"),
        "sign-in": lambda: sign_in(client),
    }
    return {name: status_of(act) for name, act in asked.items()}


def verb(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a verb on the service's machine."""
    argv = [sys.executable, "-m", "controller.start", *words]
    more = {"SANAGA_PASSPHRASE": "six random words"}
    environ = {**variables(folder), **more}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


def check_backup(folder: Path) -> None:
    """Check that a backup that does not fit is said to be none, and leaves nothing behind."""
    kept = folder / "state" / "kept"
    made = verb(folder, "backup", "create", "--to", str(kept))
    assert made.returncode == 1, made
    assert "Traceback" not in made.stderr, made.stderr
    assert "space" in made.stderr or "full" in made.stderr, made.stderr
    assert not [*kept.glob("*.sanaga-backup")]


def main(folder: Path) -> None:
    """Let the disk fill up under a service, and empty again."""
    ballast = folder / "state" / "ballast"
    with noc(folder) as world:
        world.report(PathState.DEAD)
        number = world.number()
        acts = f"/incidents/{number}/acts"
        said = [f"said before {number}" for number in range(3)]
        for text in said:
            world.client.send("POST", acts, {"kind": "comment", "text": text})
        fill(ballast)
        said += comment_until_refused(world.client, acts)
        answers = ask_for_everything(world)
        assert [answers[name] for name in ("incidents", "handover", "summary")] == [200] * 3
        assert {*answers.values()} <= {200, 202, 401, REFUSED}, answers
        assert REFUSED in answers.values(), answers
        check_backup(folder)
        ballast.unlink()
        eventually(
            lambda: (
                status_of(lambda: world.client.send("POST", acts, {"kind": "acknowledge"})) == 200
            ),
            _WITHIN_S,
            "an act after there was room",
        )
        timeline = world.client.get(f"/incidents/{number}")["timeline"]
        kept = [one["sentence"] for one in timeline if one["sentence"] in {*said}]
        assert kept == said, "what was acknowledged is there, once"
        world.report(PathState.UP)
        assert verb(folder, "schedule", "run", "availability").returncode == 0
        assert verb(folder, "backup", "create", "--to", str(folder / "kept")).returncode == 0
        log = world.log.read_text()
        with closing(world.client._connection()) as connection:
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            assert connection.getresponse().status == 200, log
    print("nothing lost", len(said), answers)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
