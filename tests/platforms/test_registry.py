from __future__ import annotations

import pytest

from menshen.platforms.registry import PLATFORM_OF_PLUGIN, PLATFORMS


def test_every_platform_is_found_by_name_and_plugin_type():
    assert PLATFORM_OF_PLUGIN == {
        "WeChatMpLogin": "wechat",
        "QQMPLogin": "qq",
        "AlipayMpLogin": "alipay",
        "DouyinMpLogin": "douyin",
        "BaiduMpLogin": "baidu",
        "KuaishouMpLogin": "kuaishou",
        "XiaohongshuMpLogin": "xiaohongshu",
        "WecomMpLogin": "wecom",
        "FeishuMpLogin": "feishu",
        "DingtalkMpLogin": "dingtalk",
    }
    assert all(adapter.name == name for name, adapter in PLATFORMS.items())
    assert set(PLATFORM_OF_PLUGIN.values()) == set(PLATFORMS)
    for adapter in PLATFORMS.values():
        assert adapter.default_base_url.startswith("https://")


def test_nothing_in_it_can_be_changed():
    with pytest.raises(TypeError):
        PLATFORMS["mine"] = PLATFORMS["wechat"]
    with pytest.raises(AttributeError):
        PLATFORMS["wechat"].default_base_url = "http://evil"
