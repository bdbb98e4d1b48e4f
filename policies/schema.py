"""Policies as an engineer writes them; an entry over a built-in one changes only what it writes."""

from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt

from inventory.documents.fields import Document, Flag, Rate, Share, Slug, Title
from inventory.documents.messages import refuse_value
from inventory.free_text import quoted
from inventory.model import Medium, Segment
from policies.model import METERED_FOR_S, PathPolicy, ServiceClass, Slo, ZoneRule

# RFC 2474, 2597 and 3246: code points by name.
CODE_POINTS: Final = {
    "DF": 0,
    **{f"CS{selector}": 8 * selector for selector in range(1, 8)},
    **{f"AF{queue}{drop}": 8 * queue + 2 * drop for queue in range(1, 5) for drop in range(1, 4)},
    "EF": 46,
}
_CODE_POINT_NAMES: Final = {value: name for name, value in CODE_POINTS.items()}


def code_point_name(dscp: int) -> str:
    """Return the name of a code point, or its number where it has none."""
    return _CODE_POINT_NAMES.get(dscp, str(dscp))


def _code_point(value: object) -> object:
    if not isinstance(value, str):
        return value
    if (dscp := CODE_POINTS.get(value.upper())) is None:
        hint = f"the code points are {', '.join(CODE_POINTS)}"
        raise refuse_value(f"unknown code point {quoted(value)}", hint)
    return dscp


Ratio: TypeAlias = Annotated[Share, Field(examples=[0.01])]
Milliseconds: TypeAlias = Annotated[
    StrictFloat, Field(gt=0, le=60_000, allow_inf_nan=False, examples=[150])
]
Mos: TypeAlias = Annotated[StrictFloat, Field(ge=1, le=4.5, allow_inf_nan=False, examples=[4.0])]
CodePoint: TypeAlias = Annotated[
    StrictInt, Field(ge=0, le=63, examples=["AF41"]), BeforeValidator(_code_point)
]
Seconds: TypeAlias = Annotated[StrictInt, Field(ge=0, le=86_400, examples=[60])]
Media: TypeAlias = Annotated[
    tuple[Medium, ...], Field(min_length=1, examples=["[fibre, microwave, leo]"])
]


class PolicyOverlay(Document):
    """A document that may be laid over a built-in value: what it does not write stays."""

    def written(self) -> dict[str, Any]:
        """Return the keys that the engineer wrote, with their values."""
        return {key: getattr(self, key) for key in type(self).model_fields if self.has(key)}

    def has(self, key: str) -> bool:
        """Return whether the engineer wrote a key."""
        return key in self.model_fields_set


class SloDocument(PolicyOverlay):
    """An objective: delay and jitter one way, loss as a share, MOS for what is spoken."""

    delay_ms: Milliseconds = 0
    jitter_ms: Milliseconds = 0
    loss: Ratio = 0
    mos: Mos | None = None


class ClassDocument(PolicyOverlay):
    """A service class: an entry of the section classes."""

    name: Slug
    title: Title = ""
    slo: SloDocument = SloDocument()
    dscp: CodePoint = 0
    rate_mbps: Annotated[Rate, Field(examples=[0.5])] = 0
    share: Ratio = 0

    def missing(self) -> tuple[str, ...]:
        """Return the keys that a class without a built-in one of its name must write."""
        own = [key for key in ("title", "dscp", "rate_mbps", "share") if not self.has(key)]
        objective = ("delay_ms", "jitter_ms", "loss")
        return (*own, *(f"slo.{key}" for key in objective if not self.slo.has(key)))

    def to_model(self, base: ServiceClass | None) -> ServiceClass:
        """Return the class, built over the one of its name if there is one."""
        start = base or ServiceClass(self.name, "", Slo(0, 0, 0), 0, 0, 0)
        changes = {**self.written(), "slo": replace(start.slo, **self.slo.written())}
        return replace(start, **changes)


class PathDocument(PolicyOverlay):
    """How a service chooses between circuits: an entry of the section paths."""

    service: Slug
    media: Media = tuple(Medium)
    leave_after_ms: Annotated[StrictInt, Field(ge=20, le=600_000, examples=[1000])] = 20
    return_after_s: Seconds = 0
    hold_down_s: Seconds = 0
    metered_allowed: Flag = False
    metered_cost: Annotated[StrictInt, Field(ge=0, le=100)] = 0
    metered_for_s: Seconds = METERED_FOR_S

    def to_model(self, base: PathPolicy) -> PathPolicy:
        """Return the policy: what is written here, and the rest of the base."""
        return replace(base, **self.written())


class RuleDocument(Document):
    """An exception to default deny: an entry of the section rules."""

    source: Segment
    target: Annotated[Slug, Field(examples=["records"])]
    because: Title

    def to_model(self) -> ZoneRule:
        """Return the rule."""
        target = Segment(self.target) if self.target in set(Segment) else self.target
        return ZoneRule(self.source, target, self.because)
