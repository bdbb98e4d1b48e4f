"""Recipes that speak to devices, followed in one laboratory of the example northern-spur."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from edge.wireguard import go_process
from simulations.lab import lab as labs
from tests.docs_page import DOCS
from tests.rigs.documents import laboratory_guides, trouble_guides
from tests.rigs.documents.follow import follow
from tests.rigs.documents.laboratory_guides import World
from tests.rigs.documents.recipe import read_recipe
from tests.rigs.documents.shell import shell
from tests.rigs.laboratory.lab_networks import leftovers, unique

# Every recipe applies changes of several devices, which takes minutes; what a page says and what
# the program answers part seldom.
pytestmark = [pytest.mark.netns, pytest.mark.long]

# It brings the laboratory up, and leaves it configured, with a gateway.
FIRST = "make-a-gateway"
GUIDES = {**laboratory_guides.GUIDES, **trouble_guides.GUIDES}
# Every one of these applies changes of several devices.
APPLYING = laboratory_guides.APPLYING | trouble_guides.APPLYING
PAGES = [page for page in GUIDES if page != FIRST]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    """Give a laboratory in which the first recipe was followed from its first to its last step."""
    folder, name = tmp_path_factory.mktemp("recipes"), unique("recipe")
    with ExitStack() as stack:
        made = World(folder, name, stack.enter_context(shell(folder)), stack)
        try:
            followed(made, FIRST)
            made.keep_documents()
            yield made
        finally:
            for tunnel in made.tunnels:
                with suppress(OSError):
                    go_process.end_process(tunnel)
            labs.take_down(name)
    assert leftovers(name) == []


def followed(world: World, page: str) -> list[str]:
    steps = read_recipe(DOCS / "recipes" / f"{page}.md")
    return follow(steps, GUIDES[page](world), world.shell)


def test_a_gateway_is_made_from_the_first_step_to_the_last(world: World):
    (row,) = world.data("sanaga vpn status -o json")
    assert (row["reached"], row["behind"]) == (True, 0)
    assert row["devices"] == row["there"] >= 1


@pytest.mark.parametrize("page", PAGES)
def test_a_recipe_does_what_it_says_in_the_laboratory(world: World, page: str):
    if page in APPLYING:
        world.restore()
    assert followed(world, page)
