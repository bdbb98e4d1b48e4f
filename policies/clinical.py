"""The built-in policies: the clinical services, how they choose paths, who may use them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from policies.model import PathPolicy, Policies, ServiceClass, ServiceName
from policies.schema import ClassDocument, PathDocument, RuleDocument

_CATALOGUE: Final = Path(__file__).with_name("catalogue")


@cache
def read_catalogue() -> Policies:
    """Return the built-in classes, path policies and rules, without expectations."""
    return Policies(
        classes=_classes(_section("classes")),
        paths=_paths(_section("paths")),
        rules=tuple(RuleDocument.model_validate(rule).to_model() for rule in _section("rules")),
    )


def _section(name: str) -> list[object]:
    text = (_CATALOGUE / f"{name}.yaml").read_text(encoding="utf-8")
    entries: list[object] = yaml.safe_load(text)[name]
    return entries


def _classes(entries: list[object]) -> Mapping[ServiceName, ServiceClass]:
    documents = [ClassDocument.model_validate(entry) for entry in entries]
    return {document.name: document.to_model(None) for document in documents}


def _paths(entries: list[object]) -> Mapping[ServiceName, PathPolicy]:
    documents = [PathDocument.model_validate(entry) for entry in entries]
    return {
        document.service: document.to_model(PathPolicy(document.service, (), 0, 0, 0, False))  # noqa: FBT003
        for document in documents
    }
