"""The faults of the benchmark, as scripts of acts upon a world's first line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tests.rigs.edge.edge_rig import Line, World

Act: TypeAlias = Callable[[World], None]
# Seconds after the fault's beginning, and what happens then.
Script: TypeAlias = tuple[tuple[float, Act], ...]

HOLE_S: Final = 0.5
BETWEEN_S: Final = 0.12
SHORT_S: Final = 0.06


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by name; script says what happens in a given repeat, single that one path is whole.

    lasts_s is how long the call must go on after its beginning, when a mechanism asks for less.
    """

    name: str
    title: str
    script: Callable[[int], Script]
    lasts_s: float = 3.0
    single: bool = True


def _first(world: World) -> Line:
    return world.lines[0]


def _cut(world: World) -> None:
    world.cut(_first(world).name)


def _hole(world: World) -> None:
    world.worsen(_first(world).name, hole=True)


def _heal(world: World) -> None:
    world.heal(_first(world).name)


def _hole_up(world: World) -> None:
    line = _first(world)
    world.impair(line.name, up=replace(line.healthy, hole=True))


def _hole_down(world: World) -> None:
    line = _first(world)
    world.impair(line.name, down=replace(line.healthy, hole=True))


def _loss(world: World) -> None:
    world.worsen(_first(world).name, loss=0.03)


def _brown(world: World) -> None:
    # 0 to 150 ms above what the line needs, evenly.
    line = _first(world)
    world.worsen(line.name, loss=0.05, delay_ms=line.delay_ms + 75, jitter_ms=75)


def _other_hole(world: World) -> None:
    world.worsen(world.lines[1].name, hole=True)


def _other_heal(world: World) -> None:
    world.heal(world.lines[1].name)


def _flapping() -> Iterator[tuple[float, Act]]:
    for beginning in range(4):
        yield float(beginning), _hole
        yield beginning + 0.4, _heal


def _flicker() -> Iterator[tuple[float, Act]]:
    """Yield holes of half a second on either line in turn, with both whole in between."""
    at = 0.0
    for _ in range(4):
        for hole, heal in ((_hole, _heal), (_other_hole, _other_heal)):
            yield at, hole
            yield at + HOLE_S, heal
            at += HOLE_S + BETWEEN_S


def _blink() -> Iterator[tuple[float, Act]]:
    """Yield moments in which both lines are gone at once: nobody can carry anything then."""
    for beginning in range(3):
        yield float(beginning), _hole
        yield float(beginning), _other_hole
        yield beginning + SHORT_S, _heal
        yield beginning + SHORT_S, _other_heal


def _always(*script: tuple[float, Act]) -> Callable[[int], Script]:
    return lambda _repeat: script


FAULTS: Final[tuple[Fault, ...]] = (
    Fault("quiet", "no fault", _always()),
    Fault("cut", "clean cut", _always((0.0, _cut))),
    Fault("hole", "silent black hole", _always((0.0, _hole))),
    Fault(
        "one-way",
        "one-way hole",
        lambda repeat: ((0.0, _hole_down if repeat % 2 else _hole_up),),
    ),
    Fault("loss", "3 % loss", _always((0.0, _loss)), lasts_s=5.0),
    Fault("brown", "5 % loss + 0–150 ms jitter", _always((0.0, _brown)), lasts_s=5.0),
    Fault("flapping", "flapping", _always(*_flapping()), lasts_s=4.5),
    Fault("flicker", "paths in turn", _always(*_flicker()), lasts_s=5.5),
    Fault("blink", "both paths at once", _always(*_blink()), lasts_s=3.0, single=False),
)


def heal(world: World) -> None:
    """Let every line of a world be whole and healthy again."""
    for line in world.lines:
        world.heal(line.name)
