"""Which plugin is effective on an API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from menshen.config.document import Binding

__all__ = ["EffectivePlugins", "effective_plugins"]


@dataclass(frozen=True, slots=True)
class EffectivePlugins:
    """Plugin names by group name and by ``group/api``. A binding to an API beats the one to its group."""

    groups: Mapping[str, str]
    apis: Mapping[str, str]

    def on(self, group: str, api: str) -> str | None:
        """The name of the plugin, or None where none is bound."""
        return self.apis.get(f"{group}/{api}", self.groups.get(group))


def effective_plugins(bindings: Iterable[Binding]) -> EffectivePlugins:
    """Of two bindings to the same target the first counts; a checked document has no second."""
    groups: dict[str, str] = {}
    apis: dict[str, str] = {}
    for binding in bindings:
        if binding.api is not None:
            apis.setdefault(binding.api, binding.plugin)
        elif binding.group is not None:
            groups.setdefault(binding.group, binding.plugin)
    return EffectivePlugins(groups, apis)
