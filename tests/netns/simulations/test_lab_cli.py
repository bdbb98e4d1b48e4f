"""sanaga lab as its users meet it: exit codes, data on stdout, messages on stderr."""

import json
import shutil
from collections.abc import Iterator

import pytest

from simulations.lab import lab as labs
from tests.rigs.laboratory.lab_networks import leftovers, unique
from tests.sanaga_process import SMALL, Sanaga

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    made = unique("cli")
    yield made
    labs.take_down(made)
    assert leftovers(made) == []


@pytest.fixture(scope="module")
def sanaga(tmp_path_factory, name) -> Sanaga:
    """Give a command line with a blank laboratory up, whose intent is in the folder intent."""
    folder = tmp_path_factory.mktemp("cli")
    shutil.copytree(SMALL, folder / "intent")
    network = folder / "intent" / "network.yaml"
    text = network.read_text().replace("name: small", f"name: {name}")
    network.write_text(text.replace("sanaga-small-noc", f"sanaga-{name}-noc"))
    made = Sanaga(folder)
    answer = made("lab", "up", "intent")
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert f"laboratory {name} is up: 7 routers, 9 circuits" in answer.err
    return made


def circuit_state(sanaga: Sanaga, name: str, circuit: str):
    state = json.loads(sanaga("lab", "status", "--lab", name, "-o", "json").out)
    return next(c for c in state["circuits"] if c["circuit"] == circuit)


def test_up_pins_the_host_keys_beside_the_documents(sanaga):
    assert len((sanaga.folder / "intent" / "known_hosts").read_text().splitlines()) == 7
    assert sanaga("validate", "intent").code == 0


def test_second_up_says_what_to_do(sanaga, name):
    answer = sanaga("lab", "up", "intent")
    assert answer.code == 1
    assert f"'sanaga lab down {name}' first" in answer.err


def test_status_is_a_table_for_people_and_json_for_programs(sanaga, name):
    table = sanaga("lab", "status", "--lab", name)
    assert table.code == 0
    assert table.out.startswith("DEVICE")
    assert "all run" in table.out
    routers = json.loads(sanaga("lab", "status", "--lab", name, "-o", "json").out)["routers"]
    assert {router["sessions"] for router in routers} == {0}


def test_circuits_are_cut_impaired_and_restored(sanaga, name):
    circuit = "mora-kolofata-microwave"
    assert sanaga("lab", "cut", circuit, "--lab", name).code == 0
    assert circuit_state(sanaga, name, circuit)["up"] is False
    assert sanaga("lab", "restore", circuit, "--lab", name).code == 0
    assert sanaga("lab", "impair", circuit, "--loss", "0.2", "--lab", name).code == 0
    state = circuit_state(sanaga, name, circuit)
    assert (state["up"], state["ab"]["loss"], state["ba"]["loss"]) == (True, 0.2, 0.2)
    assert sanaga("lab", "restore", circuit, "--lab", name).code == 0
    assert circuit_state(sanaga, name, circuit)["ab"]["loss"] < 0.01


def test_hole_may_be_in_one_direction_alone(sanaga, name):
    circuit = "mora-kolofata-microwave"
    words = ("lab", "cut", circuit, "--silent", "--direction", "ab", "--lab", name)
    assert "in direction ab" in sanaga(*words).err
    state = circuit_state(sanaga, name, circuit)
    assert (state["ab"]["hole"], state["ba"]["hole"]) == (True, False)
    assert sanaga("lab", "restore", circuit, "--lab", name).code == 0


def test_there_is_weather_unless_somebody_asks_for_none(sanaga, name):
    state = json.loads(sanaga("lab", "status", "--lab", name, "-o", "json").out)
    assert state["weather"] is True


def test_program_runs_inside_and_lends_its_exit_code(sanaga, name):
    inside = sanaga("lab", "exec", "--lab", name, "kolofata", "--", "ip", "-br", "link")
    assert "eth0" in inside.out
    assert sanaga("lab", "exec", "--lab", name, "kolofata", "--", "false").code == 1


def test_routers_own_command_line_is_at_hand(sanaga, name):
    answer = sanaga("lab", "shell", "mora-r1", "--vtysh", "--lab", name, stdin="show bfd peers\n")
    assert "mora-r1#" in answer.out


@pytest.mark.parametrize("separator", [["--"], []])
def test_vtysh_reaches_the_daemons_of_the_router_that_it_is_run_on(sanaga, name, separator):
    for router in ("mora-r1", "kolofata-r1"):
        words = ("lab", "exec", "--lab", name, router, *separator)
        answer = sanaga(*words, "vtysh", "-c", "show running-config", "-c", "show bgp summary")
        assert answer.code == 0, answer.err + answer.out
        assert f"hostname {router}\n" in answer.out


def test_interactive_vtysh_and_one_in_a_shell_are_the_routers_too(sanaga, name):
    words = ("lab", "exec", "--lab", name, "mora-r1", "--")
    assert "mora-r1#" in sanaga(*words, "vtysh", stdin="show bfd peers\n").out
    inside = sanaga("lab", "shell", "mora-r1", "--lab", name, stdin="vtysh -c 'show run'\n")
    assert "hostname mora-r1\n" in inside.out


def test_vtysh_elsewhere_is_the_machines_own(sanaga, name):
    """The control: a host has no router's daemons, and the machine's programs are found."""
    words = ("lab", "exec", "--lab", name, "kolofata", "--")
    assert "hostname" not in sanaga(*words, "vtysh", "-c", "show running-config").out
    router = ("lab", "exec", "--lab", name, "mora-r1", "--")
    assert sanaga(*router, "sh", "-c", "command -v vtysh").out.startswith("/run/sanaga/lab/")
    assert sanaga(*router, "ip", "-br", "link").code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["cut", "nowhere"], 1, "no circuit 'nowhere'"),
        (["shell", "nowhere"], 1, "'nowhere' is not in"),
        (["fault", "nowhere", "drop"], 1, "no router 'nowhere'"),
        (["fault", "mora-r1", "headache"], 64, "headache"),
        (["impair", "mora-kolofata-microwave"], 64, "say what to change"),
        (["impair", "mora-kolofata-microwave", "--loss", "7"], 1, "share from 0 to 1"),
        (["cut", "mora-kolofata-microwave", "--direction", "ab"], 64, "goes with --silent"),
        (["exec", "mora-r1", "--", "no-such-program"], 64, "no such program"),
    ],
)
def test_mistakes_are_answered_with_what_would_be_right(sanaga, name, words, code, message):
    verb, *rest = words
    answer = sanaga("lab", verb, "--lab", name, *rest)
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err


def test_missing_laboratory_is_answered_with_those_that_are_up(sanaga, name):
    answer = sanaga("lab", "status", "--lab", "nowhere")
    assert answer.code == 1
    assert name in answer.err


def test_down_is_said_and_twice_is_no_error(sanaga, name):
    assert f"laboratory {name} is gone" in sanaga("lab", "down", name).err
    assert sanaga("lab", "down", name).code == 0
    assert leftovers(name) == []
