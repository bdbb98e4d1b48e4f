"""What verbs import when they begin: how long that takes depends on the machine, what does not."""

import subprocess
import sys

import pytest

from controller.environment import environment
from tests.sanaga_process import ROOT

# Each takes as long to import as a verb may take to begin, or nearly.
LIBRARIES = frozenset(
    {
        *("alembic", "fastapi", "matplotlib", "networkx", "netmiko", "numpy", "psycopg"),
        *("pydantic", "pysnmp", "sqlalchemy", "textual", "uvicorn", "websockets", "yaml"),
    }
)
LISTED = """
import sys
from controller.start import main
try:
    main()
finally:
    print("LOADED", *sorted(set(sys.modules).intersection({libraries!r})), file=sys.stderr)
"""


def loaded(state, *words):
    """Return which libraries a verb has imported when it ends."""
    program = LISTED.format(libraries=sorted(LIBRARIES))
    variables = {**environment(), "SANAGA_STATE_DIR": str(state)}
    variables.pop("SANAGA_DATABASE", None)
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("LOADED")]
    return frozenset(line.split()[1:])


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Give a state folder whose records are made already, as they mostly are."""
    folder = tmp_path_factory.mktemp("state")
    loaded(folder, "history")
    return folder


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["noc", "incidents"], ["noc", "--help"], ["backup", "list"]],
    ids=" ".join,
)
def test_what_needs_no_database_and_no_intent_imports_no_large_library(state, words):
    assert loaded(state, *words) == frozenset()


@pytest.mark.parametrize("words", [["history"], ["vpn", "audit"], ["vpn", "status"]], ids=" ".join)
def test_what_reads_the_records_imports_the_database_alone(state, words):
    assert loaded(state, *words) == {"sqlalchemy"}


def test_control_the_first_opening_migrates_and_an_intent_is_read_by_its_libraries(tmp_path):
    assert "alembic" in loaded(tmp_path, "history")
    assert {"pydantic", "yaml"} <= loaded(tmp_path, "validate", str(tmp_path))
