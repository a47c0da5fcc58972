"""Documents of any size, with plugins that Envoy works on: two of them differ in nothing but their size."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["APIS", "PLUGINS", "document_of"]

APIS = 10
"""Of each group."""

PLUGINS = 5
"""Of each group, the login plugin not counted: tags on all of it, the others on the API that needs them."""

_HEAD = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], versions: [{{name: next, endpoints: ["{backend}"]}}]}}
"""


def document_of(groups: int, *, appid: str, secret: str, emulator: str, backend: str) -> str:
    """A document of so many groups ``/g0``, ``/g1`` …, each with :data:`APIS` APIs and :data:`PLUGINS` plugins."""
    parts = [_HEAD.format(appid=appid, secret=secret, emulator=emulator, backend=backend), "groups:"]
    parts += map(_group, range(groups))
    parts.append("plugins:")
    parts.append("  - {name: shop-login, type: WeChatMpLogin, app: shop}")
    for number in range(groups):
        parts += _plugins(number)
    parts.append("bindings:")
    for number in range(groups):
        parts.append(f"  - {{plugin: shop-login, group: g{number}}}")
        parts.append(f"  - {{plugin: tag-{number}, group: g{number}}}")
        parts += (f"  - {{plugin: {name}-{number}, api: g{number}/{api}}}" for name, api in _WHERE.items())
    return "\n".join(parts) + "\n"


_WHERE = {"limit": "order", "canary": "order", "ip": "a0", "rewrite": "a1"}


def _group(number: int) -> str:
    apis = [
        "{name: login, path: /login}",
        "{name: assets, path: /static/*, access: public}",
        '{name: order, path: "/orders/{id}", methods: [GET, POST]}',
        *(f"{{name: a{index}, path: /a{index}}}" for index in range(APIS - 3)),
    ]
    listed = "".join(f"\n      - {api}" for api in apis)
    return f"  - name: g{number}\n    prefix: /g{number}\n    upstream: orders\n    apis:{listed}"


def _plugins(number: int) -> Iterator[str]:
    yield f"  - {{name: tag-{number}, type: Tag, tags: [{{in: header, name: x-city, tag: city}}]}}"
    limits = "{by: group, requests: 1000000}, {by: user, requests: 1000000}"
    yield f"  - {{name: limit-{number}, type: RateLimit, limits: [{limits}]}}"
    rule = "{name: some, when: [{tag: city, op: IN, values: [Shenzhen, Guangzhou]}], to: [{version: next, weight: 50}]}"
    yield f"  - {{name: canary-{number}, type: Canary, rules: [{rule}]}}"
    yield f'  - {{name: ip-{number}, type: IpAccess, deny: ["203.0.113.{number % 256}"]}}'
    rewrite = f'{{regex: "/g{number}/a1", replacement: /g{number}/a2}}'
    yield f"  - {{name: rewrite-{number}, type: PathRewrite, rules: [{rewrite}]}}"
