"""Which platforms are faked. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from menshen.emulator.alipay import ALIPAY
from menshen.emulator.baidu import BAIDU
from menshen.emulator.dialect import Dialect
from menshen.emulator.dingtalk import DINGTALK
from menshen.emulator.douyin import DOUYIN
from menshen.emulator.feishu import FEISHU
from menshen.emulator.kuaishou import KUAISHOU
from menshen.emulator.qq import QQ
from menshen.emulator.wechat import WECHAT
from menshen.emulator.wecom import WECOM
from menshen.emulator.xiaohongshu import XIAOHONGSHU

__all__ = ["DIALECTS"]

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "wechat": WECHAT,
        "qq": QQ,
        "alipay": ALIPAY,
        "douyin": DOUYIN,
        "baidu": BAIDU,
        "kuaishou": KUAISHOU,
        "xiaohongshu": XIAOHONGSHU,
        "wecom": WECOM,
        "feishu": FEISHU,
        "dingtalk": DINGTALK,
    }
)
"""By name."""
