"""A laboratory's state as tables for people."""

from typing import Final

from controller.terminal.output import show_rows, write
from simulations.devices.edges import EdgeState
from simulations.lab.lab import LabState
from simulations.netns.links import BOTH, CircuitState


def show(state: LabState) -> None:
    """Show a laboratory: its routers, its edges, what its circuits do now."""
    routers = [
        {
            "device": router.device,
            "programs": f"dead: {', '.join(router.dead)}" if router.dead else "all run",
            "sessions": f"{router.established}/{router.sessions}",
            "fault": router.fault,
        }
        for router in state.routers
    ]
    show_rows(routers, _ROUTER_HEADINGS)
    if state.edges:
        write("")
        show_rows([_edge_row(edge) for edge in state.edges], _EDGE_HEADINGS)
    write("")
    show_rows([_circuit_row(circuit) for circuit in state.circuits], _CIRCUIT_HEADINGS)


def _edge_row(edge: EdgeState) -> dict[str, object]:
    return {
        "device": edge.device,
        "programs": f"dead: {', '.join(edge.dead)}" if edge.dead else "all run",
        "policy": edge.serial or "none",
        "paths": ", ".join(f"{name} {state}" for name, state in edge.paths) or "none",
    }


def _circuit_row(state: CircuitState) -> dict[str, object]:
    sides = [state.now(direction) for direction in BOTH]
    return {
        "circuit": state.circuit,
        "state": str(state),
        "delay_ms": " / ".join(f"{side.delay_ms:.3g}" for side in sides),
        "jitter_ms": " / ".join(f"{side.jitter_ms:.3g}" for side in sides),
        "loss": " / ".join(f"{side.loss:.2%}" for side in sides),
        "rate_mbps": " / ".join(
            f"{side.rate_mbps:g}" if side.rate_mbps else "any" for side in sides
        ),
    }


_ROUTER_HEADINGS: Final = {
    "device": "DEVICE",
    "programs": "PROGRAMS",
    "sessions": "SESSIONS",
    "fault": "FAULT",
}
_EDGE_HEADINGS: Final = {
    "device": "EDGE",
    "programs": "PROGRAMS",
    "policy": "POLICY",
    "paths": "PATHS",
}
_CIRCUIT_HEADINGS: Final = {
    "circuit": "CIRCUIT",
    "state": "STATE",
    "delay_ms": "DELAY MS",
    "jitter_ms": "JITTER MS",
    "loss": "LOSS",
    "rate_mbps": "MBIT/S",
}
