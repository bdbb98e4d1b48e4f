"""Recipes that prepare a router or an edge: followed as root of a machine of its own."""

import pytest

from tests.docs_page import DOCS
from tests.rigs.documents.follow import follow
from tests.rigs.documents.machine_guides import clone, prepare_a_linux_edge, prepare_an_frr_router
from tests.rigs.documents.prepared_machine import machine
from tests.rigs.documents.recipe import read_recipe
from tests.rigs.documents.shell import shell

pytestmark = pytest.mark.netns


def test_a_debian_router_gets_the_door_and_answers_the_controller(tmp_path):
    steps = read_recipe(DOCS / "recipes" / "prepare-an-frr-router.md")
    with shell(tmp_path) as controller, machine(tmp_path) as router:
        done = follow(steps, prepare_an_frr_router(tmp_path, controller, router), router)
        assert done[-2:] == ["ssh sanaga@ROUTER read", "* * * * * sanaga SSH_ORIGINAL_COMMAND"
            "=status /usr/bin/python3 -IS /usr/local/lib/sanaga-frr-door >/dev/null"]  # fmt: skip
        # The account of the door is no more than the door.
        refused = router.run("ssh sanaga@ROUTER id")
        assert "uid=" not in "\n".join(refused.lines)


def test_a_computer_becomes_an_edge_that_answers_the_controller(tmp_path):
    clone(tmp_path)
    steps = read_recipe(DOCS / "recipes" / "prepare-a-linux-edge.md")
    with shell(tmp_path) as controller, machine(tmp_path) as edge:
        done = follow(steps, prepare_a_linux_edge(tmp_path, controller, edge), controller)
        assert done[-1] == "sanaga edge explain"
