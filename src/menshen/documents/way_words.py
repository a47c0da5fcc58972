"""What a dry run came to, in lines for an operator: where a request goes, and why, in his language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from menshen.documents.canary_choice import Choice, Compared, Tried
from menshen.documents.way import Nowhere, Question, Told, Way
from menshen.errors import MalformedRequest, MethodNotAllowed, PathBlocked

__all__ = ["lines_of"]

_ENGLISH: Final = {
    "request": "{method} {path}, host {host}",
    "own": "goes to: the gateway's own API for clients",
    "refused": "refused: {status} {reason} ({code})",
    "malformed": "why: the path can be read in more than one way, or in none (; %2f %5c %00 # …)",
    "blocked": "why: a rewrite of the API {api} blocks what it makes of other paths",
    "unsound": "why: a rewrite of the API {api} would make an ambiguous path of it",
    "method": "why: the path has other methods: {methods}",
    "no_path": "why: below {prefix} the APIs of {groups} are asked, and none has this path",
    "no_group": "why: no group is published there",
    "api": "API: {api} ({prefix}{pattern}{methods})",
    "guard": "guard: {plugin} ({type}), asked by {by}",
    "nobody": "guard: none, everybody is let through",
    "envoy": "Envoy alone",
    "brain": "the brain",
    "anonymous": "user: nobody is known{reason}",
    "no_login": ", no login plugin is effective here",
    "user": "user: {user}",
    "plugin": "plugin: {plugin} ({type}), bound to {target}",
    "tag": "tag: {tag} = {value}{untrusted}",
    "no_tag": "tag: {tag} is not there{untrusted}",
    "untrusted": " (a client chooses it)",
    "ignored": "tag: {tag} is ignored, the API has no such tag",
    "fits": "canary: {canary}/{rule} fits{why}",
    "fits_not": "canary: {canary}/{rule} does not fit{why}",
    "always": ": it has no condition",
    "holds": "{tag} {operator} {values}: yes",
    "holds_not": "{tag} {operator} {values}: no, it is {value}",
    "no_rule": "canary: no rule fits",
    "by_user": "bucket: {bucket}, by the user; {spans}",
    "by_request": "bucket: {bucket}, by the request id; {spans}",
    "any_bucket": "bucket: by the request id, each request anew; {spans}",
    "goes": "goes to: {upstream}, version {version}: {endpoints}",
    "may_go": "may go to: {upstream}, version {version} ({percent} %): {endpoints}",
    "path": "path there: {path}",
}
_CHINESE: Final = {
    "request": "{method} {path}，主机 {host}",
    "own": "去向：网关自身的客户端 API",
    "refused": "拒绝：{status} {reason}（{code}）",
    "malformed": "原因：该路径有多种读法，或无法解析（; %2f %5c %00 # …）",
    "blocked": "原因：API {api} 的路径改写屏蔽了改写后的路径",
    "unsound": "原因：API {api} 的路径改写会得到有歧义的路径",
    "method": "原因：该路径只有其他方法：{methods}",
    "no_path": "原因：{prefix} 之下由分组 {groups} 的 API 匹配，没有一个具有该路径",
    "no_group": "原因：此处没有发布任何分组",
    "api": "API：{api}（{prefix}{pattern}{methods}）",
    "guard": "校验：{plugin}（{type}），由{by}判断",
    "nobody": "校验：无，所有请求均放行",
    "envoy": " Envoy 独自",
    "brain": "判断进程",
    "anonymous": "用户：未知{reason}",
    "no_login": "，此处没有生效的登录插件",
    "user": "用户：{user}",
    "plugin": "插件：{plugin}（{type}），绑定于 {target}",
    "tag": "标签：{tag} = {value}{untrusted}",
    "no_tag": "标签：{tag} 不存在{untrusted}",
    "untrusted": "（由客户端决定）",
    "ignored": "标签：忽略 {tag}，该 API 没有此标签",
    "fits": "灰度：{canary}/{rule} 符合{why}",
    "fits_not": "灰度：{canary}/{rule} 不符合{why}",
    "always": "：没有条件",
    "holds": "{tag} {operator} {values}：是",
    "holds_not": "{tag} {operator} {values}：否，其值为 {value}",
    "no_rule": "灰度：没有符合的规则",
    "by_user": "桶：{bucket}，按用户；{spans}",
    "by_request": "桶：{bucket}，按请求 id；{spans}",
    "any_bucket": "桶：按请求 id，每个请求各不相同；{spans}",
    "goes": "去向：{upstream}，版本 {version}：{endpoints}",
    "may_go": "可能去向：{upstream}，版本 {version}（{percent} %）：{endpoints}",
    "path": "后端路径：{path}",
}


class _Words:
    def __init__(self, *, chinese: bool) -> None:
        self._texts = _CHINESE if chinese else _ENGLISH
        self.between, self.before = ("；", "：") if chinese else ("; ", ": ")

    def __call__(self, key: str, **values: object) -> str:
        return self._texts[key].format(**values)


def lines_of(question: Question, said: Way | Nowhere, *, chinese: bool) -> list[str]:
    """One thing a line. Nothing in it is escaped."""
    say = _Words(chinese=chinese)
    return list(_nowhere(say, question, said) if isinstance(said, Nowhere) else _way(say, question, said))


def _nowhere(say: _Words, question: Question, nowhere: Nowhere) -> Iterator[str]:
    """For a request that the gateway answers itself."""
    yield say("request", method=question.method, path=nowhere.path or question.path, host=nowhere.host)
    refusal = nowhere.refusal
    if refusal is None:
        yield say("own")
        return
    yield say("refused", status=refusal.status, reason=refusal.reason, code=refusal.code)
    if refusal is MalformedRequest:
        yield say("unsound", api=nowhere.api) if nowhere.api else say("malformed")
    elif refusal is PathBlocked:
        yield say("blocked", api=nowhere.api)
    elif refusal is MethodNotAllowed:
        yield say("method", methods=", ".join(nowhere.allow))
    elif nowhere.groups:
        yield say("no_path", prefix=nowhere.prefix or "/", groups=", ".join(nowhere.groups))
    else:
        yield say("no_group")


def _way(say: _Words, question: Question, way: Way) -> Iterator[str]:
    """For a request that goes to an upstream."""
    route = way.route
    yield say("request", method=question.method, path=way.path, host=way.host)
    methods = f", {' '.join(route.methods)}" if route.methods else ""
    yield say("api", api=route.id, prefix=route.prefix.rstrip("/"), pattern=route.path, methods=methods)
    for guard in way.guards:
        yield say("guard", plugin=guard.plugin, type=guard.type, by=say(guard.by))
    if not way.guards:
        yield say("nobody")
    if way.user:
        yield say("user", user=way.user)
    else:
        yield say("anonymous", reason=say("no_login") if route.login is None else "")
    for plugin in way.plugins:
        yield say("plugin", plugin=plugin.plugin, type=plugin.type, target=plugin.target)
    yield from (_tag(say, told) for told in way.tags)
    yield from (say("ignored", tag=tag) for tag in way.ignored)
    yield from (_tried(say, tried) for tried in way.choice.tried)
    if route.canary and not way.choice.rule:
        yield say("no_rule")
    yield from _destination(say, way)
    yield say("path", path=way.backend_path)


def _tag(say: _Words, told: Told) -> str:
    untrusted = say("untrusted") if told.untrusted else ""
    return say("tag" if told.value else "no_tag", tag=told.tag, value=told.value, untrusted=untrusted)


def _tried(say: _Words, tried: Tried) -> str:
    why = say.between.join(_compared(say, compared) for compared in tried.conditions)
    if len(tried.conditions) > 1:
        why += f" [{tried.relation}]"
    why = f"{say.before}{why}" if why else say("always")
    return say("fits" if tried.fits else "fits_not", canary=tried.canary, rule=tried.rule, why=why)


def _compared(say: _Words, compared: Compared) -> str:
    values = ", ".join(f'"{value}"' for value in compared.values)
    return say(
        "holds" if compared.holds else "holds_not",
        tag=compared.tag,
        operator=compared.operator,
        values=values,
        value=f'"{compared.value}"',
    )


def _destination(say: _Words, way: Way) -> Iterator[str]:
    choice, upstream = way.choice, way.route.upstream
    if choice.by != "nobody":
        key = "any_bucket" if choice.bucket is None else f"by_{choice.by}"
        yield say(key, bucket=choice.bucket, spans=_spans(choice))
    percents = {version: stop - start for version, start, stop in choice.spans}
    for version, endpoints in way.endpoints.items():
        where = ", ".join(map(str, endpoints))
        percent = percents.get(version, 100)
        key = "goes" if choice.version else "may_go"
        yield say(key, upstream=upstream, version=version, endpoints=where, percent=percent)


def _spans(choice: Choice) -> str:
    return ", ".join(f"{version} {start}-{stop - 1}" for version, start, stop in choice.spans)
