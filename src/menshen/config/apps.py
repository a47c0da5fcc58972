"""The ``apps`` and ``components`` sections: who the gateway is to each platform, and by which keys."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from menshen.config.app_credentials import (
    AppId,
    AppSecret,
    Certificate,
    EncodingAesKey,
    KeyNumber,
    MessageToken,
    PublicKey,
)
from menshen.config.part import Part
from menshen.config.values import BaseUrl, Description, Name
from menshen.config.wording import refuse

__all__ = ["ApiSecurity", "App", "Component"]


class ApiSecurity(Part):
    """Keys for a platform's calls that are encrypted and signed both ways (WeChat's API 安全).

    Numbers (``sn``) are the platform's own; that of a certificate is not the serial number in it.
    """

    symmetric_key: AppSecret
    symmetric_key_sn: KeyNumber
    private_key: AppSecret
    platform_certificate: Certificate
    platform_certificate_sn: KeyNumber


class Component(Part):
    """A WeChat third-party platform (第三方平台), by which its customers' mini programs log in.

    ``token`` and ``message_key`` (EncodingAESKey) are what WeChat signs and closes its pushes with.
    """

    name: Name
    appid: AppId
    secret: AppSecret
    token: MessageToken
    message_key: EncodingAesKey
    base_url: BaseUrl = ""
    description: Description = ""


class App(Part):
    """One mini program on one platform. ``base_url`` of "" is the platform's own address.

    It logs in by its ``secret``, or by the ``component`` that its owner has authorised, and has no secret then.
    Some platforms have more keys: one of the platform's that its answers are checked with, one of the app's that opens
    what the platform closes for it.
    """

    name: Name
    platform: Name
    appid: AppId
    component: Name | None = None
    secret: AppSecret | None = Field(default=None, validate_default=True)
    platform_key: PublicKey = ""
    data_key: AppSecret | None = None
    api_security: ApiSecurity | None = None
    base_url: BaseUrl = ""
    description: Description = ""

    @field_validator("secret")
    @classmethod
    def _secret_or_component(cls, secret: Any, info: ValidationInfo) -> Any:
        # Here, and not with what keys must agree on: it is said beside whatever else is wrong with the app.
        if secret is None and info.data.get("component", "") is None:
            raise refuse("this key is required", "缺少必填项")
        return secret
