"""The way in: one request of the controller, asked by SSH_ORIGINAL_COMMAND, answered in JSON."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

from controller.frr_door.router import DoorError, Router
from controller.frr_door.state_files import prepare_folder
from controller.frr_door.verbs import VERBS

SIGN_OF_LIFE_S = 5.0
SHOW_TIMEOUT_S = 120

_SHOW = re.compile(r"show [ -~]{1,400}")


def _answer(router: Router, words: Sequence[str]) -> dict[str, object]:
    if not words:
        # An interactive vtysh writes files ("output file"), which the controller never needs.
        raise DoorError("usage", "the controller's key opens no vtysh; log in as a person")
    verb, least, most = VERBS.get(words[0], (None, 0, 0))
    if verb is None or not least <= len(words) - 1 <= most:
        raise DoorError("usage", f"not a request; there are: {', '.join(VERBS)}, vtysh -c 'show …'")
    prepare_folder(router)
    signal.signal(signal.SIGALRM, _sign_of_life)
    signal.setitimer(signal.ITIMER_REAL, SIGN_OF_LIFE_S, SIGN_OF_LIFE_S)
    try:
        return verb(router, words[1:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _sign_of_life(_signal: int, _frame: object) -> None:
    """Write a space, which JSON ignores, so that slow work is not taken for a dead router."""
    with contextlib.suppress(OSError):
        os.write(1, b" ")


def _shows(words: Sequence[str]) -> bool:
    flags, commands = words[1::2], words[2::2]
    return (
        words[0] == "vtysh"
        and 0 < len(flags) == len(commands)
        and set(flags) == {"-c"}
        and all(_SHOW.fullmatch(command) for command in commands)
    )


def main(arguments: Sequence[str], request: str) -> int:
    """Answer one request and return the exit code: 0 done, 1 refused, 64 not understood."""
    try:
        router = _router(arguments)
        words = shlex.split(request)
        if words and _shows(words):
            # The alarm outlives exec.
            signal.alarm(SHOW_TIMEOUT_S)
            line = [*router.vtysh(router.confdir), *words[1:]]
            os.execv(line[0], line)  # noqa: S606
        print(json.dumps({"ok": True, **_answer(router, words)}), flush=True)
    except BrokenPipeError:
        return 1
    except (DoorError, ValueError, OSError) as error:
        code = error.code if isinstance(error, DoorError) else "failed"
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"ok": False, "error": code, "message": str(error)}), flush=True)
        return 64 if code == "usage" else 1
    return 0


def _router(arguments: Sequence[str]) -> Router:
    """Return the router that options and their values describe; a later one replaces an earlier."""
    options = {f"--{name.replace('_', '-')}": name for name in Router._fields}
    if len(arguments) % 2 or not options.keys() >= set(arguments[::2]):
        raise DoorError("usage", f"options of the door, each with a value: {', '.join(options)}")
    given = {options[word]: arguments[2 * i + 1] for i, word in enumerate(arguments[::2])}
    return Router(**{**given, "state": Path(given.get("state", Router().state))})  # type: ignore[arg-type]
