"""WeChat third-party platforms: the tickets that WeChat pushes arrive. Without one nobody can log in soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from menshen.config.snapshot import Component
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.errors import DatabaseUnavailable, KeyRingInvalid
from menshen.gateway.component_tickets import COMPONENT_TICKET
from menshen.storage.component_tickets import TicketRow, find_ticket
from menshen.storage.sealing import Sealer

__all__ = ["CHECK"]

_EVERY: Final = 600
"""Seconds between two pushes."""

_LATE: Final = 3 * _EVERY
_LIFETIME: Final = 43_200
"""Seconds that a ticket is good: twelve hours."""

NO_TICKET = Trouble(
    "component_ticket_missing",
    "failed",
    Said("WeChat has pushed no ticket for {appid}: nobody can log in", "未收到微信推送给 {appid} 的 ticket，无法登录"),
    Said(
        "Set 授权事件接收URL at {page} to https://HOST{path}, token and EncodingAESKey as in the configuration, and "
        "wait ten minutes; if no push comes, start them with api_start_push_ticket.",
        "在 {page} 把授权事件接收 URL 设为 https://域名{path}，Token 与 EncodingAESKey 须与配置一致，等待十分钟；"
        "若仍无推送，请调用 api_start_push_ticket 启动推送。",
    ),
)
OLD_TICKET = Trouble(
    "component_ticket_late",
    "warning",
    Said(
        "WeChat has pushed no ticket for {appid} for {minutes} minutes; logins end when it is 12 hours old",
        "已有 {minutes} 分钟未收到微信推送给 {appid} 的 ticket，超过 12 小时将无法登录",
    ),
    Said(
        "See that WeChat, or your own receiver, reaches https://HOST{path}; the log has what was refused there as "
        "call_refused.",
        "确认微信或自有接收服务能访问 https://域名{path}，并查看日志中该路径的 call_refused。",
    ),
)
DEAD_TICKET = Trouble(
    "component_ticket_expired",
    "failed",
    Said(
        "the last ticket for {appid} came {minutes} minutes ago and is good no more: nobody can log in",
        "{appid} 最近一次 ticket 在 {minutes} 分钟前收到，现已失效，无法登录",
    ),
    OLD_TICKET.advice,
)
_PAGE: Final = "open.weixin.qq.com > 管理中心 > 第三方平台 > 开发配置"


async def _run(installation: Installation, subject: str) -> Sequence[Finding]:
    (component,) = [each for each in installation.snapshot.components if each.name == subject]
    row = await _ticket(installation, component)
    path = f"{installation.snapshot.listener.client_api}/wechat/component/{component.name}"
    if row is None:
        return [NO_TICKET.seen(appid=component.appid, page=_PAGE, path=path)]
    age = max(0, int(installation.place.clock() - row.received_at))
    minutes = age // 60
    if age > _LIFETIME:
        return [DEAD_TICKET.seen(appid=component.appid, minutes=minutes, path=path)]
    if age > _LATE:
        return [OLD_TICKET.seen(appid=component.appid, minutes=minutes, path=path)]
    return [
        well(
            f"WeChat pushed a ticket for {component.appid} {minutes} minutes ago",
            f"{minutes} 分钟前收到微信推送给 {component.appid} 的 ticket",
        )
    ]


async def _ticket(installation: Installation, component: Component) -> TicketRow | None:
    """The newest that this installation can open; None also where the database cannot say, as its own check tells."""
    if installation.database is None or installation.master_key is None:
        return None
    try:
        async with installation.database.reading() as connection:
            row = await find_ticket(connection, component.appid)
        if row is not None:
            Sealer(installation.master_key, COMPONENT_TICKET).unseal(row.sealed_ticket, component.appid)
    except (DatabaseUnavailable, SQLAlchemyError, KeyRingInvalid):
        return None
    return row


def _subjects(installation: Installation) -> Sequence[str]:
    return [component.name for component in installation.snapshot.components]


CHECK = Check(
    "component",
    Said(
        "For each WeChat third-party platform: when the last ticket came.",
        "对每个微信第三方平台：最近一次收到 ticket 的时间。",
    ),
    (NO_TICKET, OLD_TICKET, DEAD_TICKET),
    _run,
    _subjects,
)
