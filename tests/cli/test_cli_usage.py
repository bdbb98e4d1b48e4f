"""What the command says to someone who does not know it yet, or mistypes."""

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

import pytest
from typer import Context
from typer.main import get_command

from controller.cli.main import HELPS, VERBS, app
from tests.golden_files import assert_golden
from tests.rigs.edge.edge_install import command
from tests.sanaga_process import ROOT
from tools.make_docs import REFERENCE, reference

NOUNS = {
    "backup": ("create", "list", "verify", "restore"),
    "report": ("availability", "maintenance"),
    "schedule": ("list", "run"),
    "topology": ("show", "draw", "paths", "blast-radius", "risks", "export"),
    "inventory": ("list", "export", "import", "seal", "pin", "signing-key"),
    "notices": ("rota", "test"),
    "vpn": ("check", "reach"),
    "account": ("link", "recover"),
}
COMMANDS = [
    *((verb,) for verb in VERBS),
    *((noun, verb) for noun, verbs in NOUNS.items() for verb in verbs),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_the_reviewed_text_and_has_an_example(sanaga, words):
    answer = sanaga(*words, "--help")
    assert (answer.code, answer.err) == (0, "")
    if words[0] not in NOUNS or len(words) == 2:
        assert f"Example: sanaga {' '.join(words)}" in re.sub(r"\s+", " ", answer.out)
    text = "\n".join(line.rstrip() for line in answer.out.strip().splitlines()) + "\n"
    assert_golden(ROOT / "tests" / "golden" / "help" / f"{'-'.join(words)}.txt", text)


def test_help_of_the_program_names_every_verb_and_the_exit_codes(sanaga):
    answer = sanaga("--help")
    assert answer.code == 0
    for verb in VERBS:
        assert re.search(rf"^\W*{verb}\b", answer.out, re.MULTILINE), verb
    assert "64 wrong usage" in re.sub(r"\s+", " ", answer.out)


def test_table_of_helps_says_what_each_verb_says_of_itself():
    group: Any = get_command(app)
    context = Context(group)
    names = group.list_commands(context)
    assert set(names) == set(HELPS)
    for name in names:
        said = re.split(r"\n\n", cleandoc(group.get_command(context, name).help))[0]
        assert " ".join(said.split()) == HELPS[name]


IMPORTS = """
import sys
from controller.cli.main import guarded
code = guarded(sys.argv[1:], debug=False)
slow = {"alembic", "pydantic", "pysqlite3", "psycopg", "sqlalchemy", "yaml", "jinja2", "networkx"}
print(code, *sorted(slow & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "slow"),
    [
        (["--help"], []),
        (["vpn", "--help"], []),
        (["history"], ["pysqlite3", "sqlalchemy"]),
        (["vpn", "person", "list"], ["pysqlite3", "sqlalchemy"]),
        (["history", "--help"], []),
    ],
    ids=" ".join,
)
def test_verb_imports_no_library_that_it_does_not_use(tmp_path, words, slow):
    own = {**os.environ, "SANAGA_STATE_DIR": str(tmp_path)}  # noqa: TID251
    # The first opening makes the tables, for which Alembic is needed.
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS, *words],
            env=own,
            capture_output=True,
            text=True,
            check=True,
        )
    code, *found = done.stderr.splitlines()[-1].split()
    assert code in {"0", "1"}
    assert [name for name in found if name in {"alembic", "pysqlite3", "sqlalchemy"}] == slow


def test_version_is_that_of_the_distribution(sanaga):
    answer = sanaga("--version")
    assert (answer.code, answer.out) == (0, f"sanaga {version('sanaga')}\n")


def test_no_arguments_print_the_help_and_count_as_wrong_usage(sanaga):
    answer = sanaga()
    assert (answer.code, answer.err) == (64, "")
    assert "Usage: sanaga" in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["valdiate"], "Did you mean 'validate'?"),
        (["validate", "--frobnicate"], "--frobnicate"),
        (["validate", "nowhere"], "nowhere"),
        (["topology", "pahts"], "Did you mean 'paths'?"),
        (["explain"], "NAME"),
        (["inventory", "list", "cows"], "cows"),
        (["validate", ".", "-o", "xml"], "xml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_64_and_says_what_is_wrong(sanaga, words, said):
    answer = sanaga(*words)
    assert (answer.code, answer.out) == (64, "")
    assert said in answer.err
    assert "--help" in answer.err


def test_debug_shows_the_trace_of_an_error_wherever_it_stands(sanaga, small):
    done = subprocess.run(
        sanaga.command("explain", "nobody", "--dir", small, "--debug"),
        cwd=sanaga.folder,
        env=sanaga.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "no site, circuit or device is called 'nobody'" in done.stderr


def test_a_reader_that_goes_away_ends_the_program_quietly(sanaga, small):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        sanaga.command("inventory", "list", "--dir", small, "-o", "json"),
        cwd=sanaga.folder,
        env=sanaga.environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_completion_offers_verbs_and_names_from_the_folder(sanaga, small):
    words = {"COMP_WORDS": f"sanaga topology paths --dir {small} mo", "COMP_CWORD": "5"}
    answer = sanaga(_SANAGA_COMPLETE="complete_bash", **words)
    assert sorted(answer.out.split()) == ["mora", "mora-kolofata-microwave", "mora-r1"]
    answer = sanaga(_SANAGA_COMPLETE="complete_bash", COMP_WORDS="sanaga va", COMP_CWORD="1")
    assert answer.out.split() == ["validate"]


def test_reference_in_the_documentation_is_current():
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run 'make docs'"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("validate", "small"), 0, ""),
        (("topology", "risks", "small"), 0, ""),
        (("topology", "draw", "map.svg", "--dir", "small"), 1, "-none-any.whl[drawing]'\n"),
        (("plan", "small"), 1, "-none-any.whl[routers]'\n"),
    ],
)
def test_library_that_a_verb_lacks_is_named(sanaga, small, words, code, said):
    program = "from controller.start import main; main()"
    lacking = ("matplotlib", "netmiko", "paramiko", "pyroute2")
    done = subprocess.run(
        [*command(program, lacking), *words],
        env=sanaga.environment(),
        cwd=sanaga.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "fault of this program" not in done.stderr


WAITING = """
import sys
from threading import Event
from types import ModuleType
import typer
from controller.cli import main
waiting = sys.modules["waiting"] = ModuleType("waiting")
waiting.app = typer.Typer()
@waiting.app.command()
def wait():
    print("ready", flush=True)
    Event().wait(60)
main.VERBS["wait"] = "waiting"
sys.argv = ["sanaga", "wait"]
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_to_end_is_as_ctrl_c_in_every_verb(number):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "sanaga: interrupted\n")


def test_hangup_that_is_ignored_stays_so():
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", WAITING],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "sanaga: interrupted\n")


@pytest.mark.parametrize("file", ["/dev/zero", "pipe"])
@pytest.mark.parametrize(
    "words",
    [
        ("vpn", "person", "plan", "FILE"),
        ("vpn", "person", "apply", "FILE", "--because", "test", "--out", "files"),
        ("vpn", "import", "FILE", "--role", "oncologist", "--site", "mora"),
        ("inventory", "import", "FILE"),
        ("apply", "FILE", "--yes"),
        ("edge", "policy", "load", "FILE", "--dir", "edge"),
    ],
    ids=" ".join,
)
def test_what_is_no_regular_file_is_refused_at_once(sanaga, words, file):
    os.mkfifo(sanaga.folder / "pipe")
    answer = sanaga(*(file if word == "FILE" else word for word in words))
    assert answer.code == 1
    assert "this is no regular file; save it in a file" in answer.err
