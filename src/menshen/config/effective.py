"""Which plugins are effective on an API, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from menshen.config.document import Binding
from menshen.config.plugins.registry import EXCLUSIVE

__all__ = ["Bound", "EffectivePlugins", "effective_plugins"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A plugin that is effective; ``target`` is the group, or ``group/api``, that it is bound to."""

    plugin: str
    target: str


@dataclass(frozen=True, slots=True)
class EffectivePlugins:
    """Bindings by group name and by ``group/api``; ``kinds`` is plugin name -> kind."""

    groups: Mapping[str, tuple[Bound, ...]]
    apis: Mapping[str, tuple[Bound, ...]]
    kinds: Mapping[str, str]

    def on(self, group: str, api: str) -> tuple[Bound, ...]:
        """The group's plugins, then the API's own, each once.

        Of a kind of which only one can be effective, a binding to the API beats the one to its group.
        """
        own = self.apis.get(f"{group}/{api}", ())
        if not own:
            return self.groups.get(group, ())
        nearer = {self.kinds.get(bound.plugin) for bound in own} & EXCLUSIVE
        names = {bound.plugin for bound in own}
        above = (
            bound
            for bound in self.groups.get(group, ())
            if bound.plugin not in names and self.kinds.get(bound.plugin) not in nearer
        )
        return (*above, *own)


def effective_plugins(bindings: Iterable[Binding], kinds: Mapping[str, str]) -> EffectivePlugins:
    """Of two bindings of an exclusive kind to one target the first counts; a checked document has no second."""
    groups: dict[str, list[Bound]] = {}
    apis: dict[str, list[Bound]] = {}
    for binding in bindings:
        if binding.api is not None:
            _add(apis.setdefault(binding.api, []), Bound(binding.plugin, binding.api), kinds)
        elif binding.group is not None:
            _add(groups.setdefault(binding.group, []), Bound(binding.plugin, binding.group), kinds)
    return EffectivePlugins(
        {name: tuple(bound) for name, bound in groups.items()},
        {name: tuple(bound) for name, bound in apis.items()},
        kinds,
    )


def _add(bound: list[Bound], another: Bound, kinds: Mapping[str, str]) -> None:
    kind = kinds.get(another.plugin)
    taken = any(each.plugin == another.plugin for each in bound)
    if not taken and not (kind in EXCLUSIVE and any(kinds.get(each.plugin) == kind for each in bound)):
        bound.append(another)
