"""Which platforms there are. A new one is an adapter file, a line here, and a row of tests/platforms/rows.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from menshen.config.app_keys import AppKeys
from menshen.config.snapshot import App
from menshen.errors import InternalFault
from menshen.platforms.alipay import Alipay
from menshen.platforms.baidu import Baidu
from menshen.platforms.base import Platform
from menshen.platforms.dingtalk import DingTalk
from menshen.platforms.douyin import Douyin
from menshen.platforms.feishu import Feishu
from menshen.platforms.kuaishou import Kuaishou
from menshen.platforms.qq import QQ
from menshen.platforms.wechat import WeChat
from menshen.platforms.wechat_component import WeChatComponent
from menshen.platforms.wecom import WeCom
from menshen.platforms.xiaohongshu import Xiaohongshu

__all__ = ["APP_KEYS", "PLATFORMS", "PLATFORM_OF_PLUGIN", "adapter_of", "app_keys_of", "plugin_types_of"]

_NO_KEYS: Final[AppKeys] = MappingProxyType({})
_ADAPTERS: Final[tuple[Platform, ...]] = (
    WeChat(),
    QQ(),
    Alipay(),
    Douyin(),
    Baidu(),
    Kuaishou(),
    Xiaohongshu(),
    WeCom(),
    Feishu(),
    DingTalk(),
)


def plugin_types_of(adapters: Iterable[Platform]) -> Mapping[str, str]:
    """Plugin type as in ``plugins[].type`` -> the platform its app must be on."""
    return MappingProxyType({adapter.plugin_type: adapter.name for adapter in adapters})


def app_keys_of(adapters: Iterable[Platform]) -> Mapping[str, AppKeys]:
    """Platform -> the keys of its apps. An adapter whose apps have AppID and AppSecret only need not say so."""
    return MappingProxyType({adapter.name: getattr(adapter, "app_keys", _NO_KEYS) for adapter in adapters})


PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType({adapter.name: adapter for adapter in _ADAPTERS})
"""Platform name as in ``apps[].platform`` -> adapter: Menshen's own. ``installed.py`` has those of packages besides."""

PLATFORM_OF_PLUGIN: Final[Mapping[str, str]] = plugin_types_of(_ADAPTERS)
APP_KEYS: Final[Mapping[str, AppKeys]] = app_keys_of(_ADAPTERS)

_BY_COMPONENT: Final[Platform] = WeChatComponent()


def adapter_of(app: App, platforms: Mapping[str, Platform] = PLATFORMS) -> Platform:
    """The adapter by which this very app logs in: its platform's, or that of third-party platforms.

    Raises InternalFault: a checked document has no app without one.
    """
    platform = platforms.get(app.platform) if app.component is None else _BY_COMPONENT
    if platform is None:
        raise InternalFault(f"no adapter for platform {app.platform}")
    return platform
