"""The document: holds, and has nothing in it that does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from menshen.config.document import Document
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation

__all__ = ["CHECK"]

NONE_YET = Trouble(
    "no_configuration",
    "warning",
    Said("no configuration has been applied yet", "尚未应用任何配置"),
    Said("Run menshen apply FILE, or make it in the console.", "执行 menshen apply FILE，或在控制台中创建。"),
)
PROBLEM = Trouble(
    "configuration_problem",
    "failed",
    Said("{path}: {problem}", "{path}：{problem}"),
    Said("Correct this key and apply the document again.", "修正该键后重新应用配置。"),
)
APP_UNUSED = Trouble(
    "app_unused",
    "warning",
    Said("no login plugin has the app {name}", "没有登录插件使用应用 {name}"),
    Said("Give it to a plugin, or take it out of the document.", "把它配到插件上，或从配置中删除。"),
)
UPSTREAM_UNUSED = Trouble(
    "upstream_unused",
    "warning",
    Said("no group goes to the upstream {name}", "没有分组指向上游 {name}"),
    Said("Give it to a group, or take it out of the document.", "把它配到分组上，或从配置中删除。"),
)
PLUGIN_UNBOUND = Trouble(
    "plugin_unbound",
    "warning",
    Said("the plugin {name} is bound to nothing, so it does nothing", "插件 {name} 没有绑定任何对象，不起作用"),
    Said("Bind it to a group or an API, or take it out of the document.", "绑定到分组或 API，或从配置中删除。"),
)
BOUND_TO_NOTHING = Trouble(
    "bound_to_nothing",
    "warning",
    Said(
        "the plugin {name} is bound to the group {group}, which has no API",
        "插件 {name} 绑定的分组 {group} 没有任何 API",
    ),
    Said("Give the group an API, or take the binding out.", "为该分组添加 API，或删除这条绑定。"),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    if installation.problems:
        return [
            PROBLEM.seen(path=problem.path or "-", problem=Said(problem.message, problem.message_zh or problem.message))
            for problem in installation.problems
        ]
    if installation.loaded is None:
        # A revision that no key opens is for the check of the keys to say.
        return [NONE_YET.seen()] if installation.raw is None else []
    document = installation.loaded.document
    counts = len(document.apps), len(document.plugins), len(installation.snapshot.routes)
    return [*_idle(document)] or [
        well(
            "it holds: {} apps, {} plugins, {} APIs".format(*counts),
            "有效：{} 个应用、{} 个插件、{} 个 API".format(*counts),
        )
    ]


def _idle(document: Document) -> Iterator[Finding]:
    used = {plugin.app for plugin in document.login_plugins()}
    yield from (APP_UNUSED.seen(name=app.name) for app in document.apps if app.name not in used)
    gone_to = {group.upstream for group in document.groups}
    yield from (UPSTREAM_UNUSED.seen(name=each.name) for each in document.upstreams if each.name not in gone_to)
    bound = {binding.plugin for binding in document.bindings}
    yield from (PLUGIN_UNBOUND.seen(name=plugin.name) for plugin in document.plugins if plugin.name not in bound)
    empty = {group.name for group in document.groups if not group.apis}
    for binding in document.bindings:
        if binding.group in empty:
            yield BOUND_TO_NOTHING.seen(name=binding.plugin, group=binding.group)


CHECK = Check(
    "configuration",
    Said(
        "Every problem of the active revision (or of --config), and apps, upstreams, plugins and bindings that do "
        "nothing.",
        "当前版本（或 --config 指定的文件）的所有问题，以及不起作用的应用、上游、插件和绑定。",
    ),
    (NONE_YET, PROBLEM, APP_UNUSED, UPSTREAM_UNUSED, PLUGIN_UNBOUND, BOUND_TO_NOTHING),
    _run,
)
