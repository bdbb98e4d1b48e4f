"""How long what must last before it is an incident, and how the ends of incidents are settled."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How long what must last before it is an incident, in seconds, and how ends are settled.

    A flapping root must be well for longer each time, from clear_s to most_clear_s. merge_s is how
    far from its cause a consequence may be seen, grace_s a child's wait after a parent's return.
    """

    both_ends_s: float = 0.5
    one_end_s: float = 1.5
    access_s: float = 2.0
    silent_s: float = 10.0
    collector_s: float = 5.0
    degraded_s: float = 30.0
    handover_s: float = 60.0
    unknown_s: float = 600.0
    clear_s: float = 1.5
    clear_factor: float = 4.0
    most_clear_s: float = 600.0
    reopen_s: float = 600.0
    merge_s: float = 120.0
    grace_s: float = 10.0
    operator_circuits: int = 3
