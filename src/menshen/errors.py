"""Everything that can go wrong, as one tree.

::

    MenshenError
    ├── Refusal                          an answer to the client; carries code, reason, HTTP status, action
    │   ├── BadRequest            4000   the request itself is wrong
    │   │   ├── AmbiguousCredential      two login states, or one in two places
    │   │   ├── CodeMalformed            a login code that no platform can have made
    │   │   ├── BodyMalformed            a login body that is neither JSON object nor form
    │   │   ├── BodyTooLarge             a login body over 8 KiB, or a signed one over its plugin's limit
    │   │   ├── ClientSentSecret         the request carries an AppSecret
    │   │   ├── CallMalformed            a call of the gateway's own API with a body that it does not take
    │   │   ├── OpenDataInvalid          encrypted or signed data that is not the platform's for this user and app
    │   │   ├── PasswordWeak             a new password that the policy does not take
    │   │   ├── AvatarTooLarge           an avatar over the limit
    │   │   ├── AvatarInvalid            a file that is no PNG, JPEG, GIF or WebP image
    │   │   ├── PathBlocked              a rewrite rule keeps this path for the backend alone
    │   │   └── MalformedRequest         Envoy refused the request line, path or headers
    │   ├── Unauthorized          4001
    │   │   ├── SessionMissing           no login state where the plugin expects it
    │   │   ├── SessionInvalid           forged, tampered, of another app or key
    │   │   ├── RefreshInvalid           a refresh token that is missing, forged, used before or of an ended session
    │   │   ├── TokenMissing             no token of another issuer where a plugin expects it
    │   │   ├── TokenInvalid             forged, malformed, of another issuer or audience
    │   │   ├── TokenRefused             the team's checker says that the token is not good
    │   │   ├── SignatureMissing         a server's call without a key pair's signature
    │   │   ├── SignatureInvalid         unknown key, wrong signature, or a body that is not what was signed
    │   │   ├── SignatureStale           signed too long ago, or in the future
    │   │   ├── SignatureReplayed        the nonce was used before
    │   │   └── SessionKeyStale          the platform has rotated the session_key: log in, then get the data again
    │   ├── Forbidden             4003
    │   │   ├── UserBlocked              the platform blocks this user (WeChat 40226)
    │   │   ├── UserBanned               the operator has banned this user
    │   │   ├── AccountRefused           username and password are not those of an account
    │   │   ├── CaptchaRequired          too many failures: solve a captcha first
    │   │   ├── RegistrationClosed       nobody may register here
    │   │   ├── AddressRefused           the caller's address is not let in
    │   │   ├── OriginRefused            a page of this origin may not call here
    │   │   ├── PluginRefused            a plugin of the installation refused the request
    │   │   └── LoginRefused             a hook of the installation refused the login
    │   ├── NotFound              4004
    │   │   ├── NoSuchRoute              no group and API for this host and path
    │   │   ├── MethodNotAllowed         the API exists, not with this method
    │   │   ├── NotBound                 nothing of the kind is bound to this user
    │   │   └── NotOffered               the platform, or this installation, has no such capability
    │   ├── Conflict              4009   what is asked for belongs to somebody else, or would leave nothing
    │   │   ├── IdentityConflict         openid and unionid belong to two users; nothing is merged
    │   │   ├── AccountTaken             the account is bound to another user, or the username is taken
    │   │   ├── PhoneTaken               the phone number belongs to another user
    │   │   ├── AlreadyBound             the user has an account or a phone number already
    │   │   └── LastWayIn                unbinding it would lock the user out for ever
    │   ├── PlatformRefused       4017   the platform does not let this installation log its users in
    │   │   ├── PlatformRefusedUs        AppID or AppSecret wrong, or the app may not log users in
    │   │   ├── ComponentNotAuthorized   the app's owner has not authorised the third-party platform (WeChat 61003)
    │   │   └── ComponentTicketMissing   no component_verify_ticket of WeChat's that is good; the code was not sent
    │   ├── PlatformBusy          4021
    │   │   ├── PlatformSaysBusy         the platform's own "system busy"
    │   │   ├── PlatformUnreachable      no connection; the code was not sent and may be used again
    │   │   ├── PlatformTimeout          no answer in time; the code may be spent
    │   │   └── PlatformReplyInvalid     an answer that is not what the platform documents
    │   ├── CodeRefused           4022
    │   │   ├── CodeInvalid              unknown, expired, or of another app
    │   │   ├── CodeUsed                 this code was exchanged before
    │   │   ├── PhoneCodeInvalid         the phone code is unknown, used, expired or of another user
    │   │   └── SmsCodeInvalid           the code of a text message is wrong, used or expired
    │   ├── PlatformLimit         4023   the platform's quota for this user or app is used up
    │   ├── SessionOver           4024   the login state is genuine and good no more
    │   │   ├── SessionExpired           too old
    │   │   ├── SessionRevoked           ended before its time: logout, revocation, another login
    │   │   ├── TokenExpired             a token of another issuer that is too old
    │   │   └── RefreshReused            a refresh token came a second time, and the session was ended for it
    │   ├── TooManyRequests       4025   a limit of the gateway's own
    │   │   ├── LoginLimit               too many logins tried from here, by this user or at this app
    │   │   ├── AccountLocked            too many wrong passwords for this username
    │   │   ├── RateLimit                more requests a second than a plugin lets through
    │   │   ├── ConcurrencyLimit         the upstream has as many requests at once as it may have
    │   │   └── SmsLimit                 too many text messages
    │   └── GatewayFault          5xxx   ours
    │       ├── RouteStale        5001   Envoy and the brain do not have the same revision yet
    │       ├── BrainUnavailable  5004   nobody could check the request: it is refused
    │       ├── InternalFault     5005   a bug; the log has the request id
    │       ├── UpstreamUnavailable 5010 no backend took the request
    │       ├── UpstreamTimeout   5011   the backend did not answer in time
    │       ├── Overloaded        5012   the gateway sheds load to stay alive
    │       ├── VerifierUnavailable 5020 the team's verifier of accounts did not answer as agreed
    │       ├── SmsUnavailable    5021   the team's sender of text messages did not take it
    │       ├── CaptchaUnavailable 5022  the team's check of captchas did not answer as agreed
    │       ├── CheckerUnavailable 5024  the team's checker of tokens did not answer as agreed
    │       ├── PluginFailed      5025   a plugin of the installation broke
    │       └── HookFailed        5023   a hook of the installation broke or took too long
    ├── ConfigInvalid                    a document with problems, each with the path of the wrong key
    ├── ConfigUnavailable                a document that cannot be read at all
    ├── KeyRingInvalid                   key files that are missing, readable by others, or broken
    ├── DatabaseUnavailable              the database cannot be reached, read or written
    ├── RevisionUnknown                  no revision of that number
    ├── UserUnknown                      no user of that uid
    ├── ClaimInvalid                     a user's claim of a wrong name or value, or one too many
    ├── UserInvalid                      what an operator asks for a user cannot be: a name, a date, a merge
    ├── WebhookUnknown                   no webhook of that name
    ├── OperatorRefused                  what somebody at the console or the admin API asks for operators or tokens
    │   ├── OperatorInvalid              a name, a role, scopes or an expiry that cannot be
    │   ├── OperatorUnknown              no operator, session or token of that name
    │   └── OperatorConflict             the name is taken, it is the last owner, or set-up is over
    └── ChildFailed                      Envoy or a worker did not come up

The numbers are TSF's own table (``TsfGatewayError``) where it has one; 5010 and above are Menshen's. A refusal tells
the client what it can act on and no more: ``detail`` and ``platform_errcode`` are for the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = [
    "REFUSALS",
    "AccountLocked",
    "AccountRefused",
    "AccountTaken",
    "Action",
    "AddressRefused",
    "AlreadyBound",
    "AmbiguousCredential",
    "AvatarInvalid",
    "AvatarTooLarge",
    "BadRequest",
    "BodyMalformed",
    "BodyTooLarge",
    "BrainUnavailable",
    "CallMalformed",
    "CaptchaRequired",
    "CaptchaUnavailable",
    "CheckerUnavailable",
    "ChildFailed",
    "ClaimInvalid",
    "ClientSentSecret",
    "CodeInvalid",
    "CodeMalformed",
    "CodeRefused",
    "CodeUsed",
    "ComponentNotAuthorized",
    "ComponentTicketMissing",
    "ConcurrencyLimit",
    "ConfigInvalid",
    "ConfigUnavailable",
    "Conflict",
    "DatabaseUnavailable",
    "Forbidden",
    "GatewayFault",
    "HookFailed",
    "IdentityConflict",
    "InternalFault",
    "KeyRingInvalid",
    "LastWayIn",
    "LoginLimit",
    "LoginRefused",
    "MalformedRequest",
    "MenshenError",
    "MethodNotAllowed",
    "NoSuchRoute",
    "NotBound",
    "NotFound",
    "NotOffered",
    "OpenDataInvalid",
    "OperatorConflict",
    "OperatorInvalid",
    "OperatorRefused",
    "OperatorUnknown",
    "OriginRefused",
    "Overloaded",
    "PasswordWeak",
    "PathBlocked",
    "PhoneCodeInvalid",
    "PhoneTaken",
    "PlatformBusy",
    "PlatformLimit",
    "PlatformRefused",
    "PlatformRefusedUs",
    "PlatformReplyInvalid",
    "PlatformSaysBusy",
    "PlatformTimeout",
    "PlatformUnreachable",
    "PluginFailed",
    "PluginRefused",
    "Problem",
    "RateLimit",
    "RefreshInvalid",
    "RefreshReused",
    "Refusal",
    "RegistrationClosed",
    "RevisionUnknown",
    "RouteStale",
    "SessionExpired",
    "SessionInvalid",
    "SessionKeyStale",
    "SessionMissing",
    "SessionOver",
    "SessionRevoked",
    "SignatureInvalid",
    "SignatureMissing",
    "SignatureReplayed",
    "SignatureStale",
    "SmsCodeInvalid",
    "SmsLimit",
    "SmsUnavailable",
    "TokenExpired",
    "TokenInvalid",
    "TokenMissing",
    "TokenRefused",
    "TooManyRequests",
    "Unauthorized",
    "UpstreamTimeout",
    "UpstreamUnavailable",
    "UserBanned",
    "UserBlocked",
    "UserInvalid",
    "UserUnknown",
    "VerifierUnavailable",
    "WebhookUnknown",
    "refusals",
]

Action = Literal["login", "retry", "none"]
Who = Literal["client", "operator", "platform", "nobody"]


class MenshenError(Exception):
    """Root of the tree."""


class Refusal(MenshenError):
    """A request that is not let through.

    ``code`` and ``reason`` are the stable contract with clients; ``status`` is the honest HTTP status; ``action``
    is what the client should do (``login`` again, ``retry`` later, ``none``); ``who`` must act for it to go away.
    ``retry_after`` is in seconds, where there is a time to tell.
    """

    code: ClassVar[int]
    reason: ClassVar[str]
    status: ClassVar[int]
    action: ClassVar[Action]
    who: ClassVar[Who]
    message: ClassVar[str]
    message_zh: ClassVar[str]

    def __init__(
        self, detail: str = "", *, platform_errcode: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail or self.message)
        self.detail = detail
        self.platform_errcode = platform_errcode
        self.retry_after = retry_after

    @classmethod
    def text(cls) -> str:
        """The sentence for the client, in English and in Chinese."""
        return f"{cls.message} {cls.message_zh}"

    @classmethod
    def http_status(cls, style: Literal["menshen", "tsf"] = "menshen") -> int:
        """The HTTP status; with ``tsf``, 4021 to 4024 and 4017 are 401 as TSF's gateway answers them."""
        if style == "tsf" and cls.code in (4017, 4021, 4022, 4023, 4024):
            return 401
        return cls.status


class BadRequest(Refusal):
    code, reason, status, action, who = 4000, "bad_request", 400, "none", "client"
    message, message_zh = "The request is not valid.", "请求无效。"


class AmbiguousCredential(BadRequest):
    reason = "ambiguous_credential"
    message = "The request carries more than one login state or code."
    message_zh = "请求携带了多个登录态或 code。"


class CodeMalformed(BadRequest):
    reason = "code_malformed"
    message = "This is not a login code of the platform."
    message_zh = "登录凭证 code 的格式不正确。"


class BodyMalformed(BadRequest):
    reason = "body_malformed"
    message = "The login body must be a JSON object or a form."
    message_zh = "登录请求体必须是 JSON 对象或表单。"


class BodyTooLarge(BadRequest):
    reason, status = "body_too_large", 413
    message = "The body is over the limit."
    message_zh = "请求体超过上限。"


class ClientSentSecret(BadRequest):
    reason = "client_sent_secret"
    message = "The request carries an AppSecret. It belongs to the gateway; reset it on the platform and remove it."
    message_zh = "请求携带了 AppSecret。它只能保存在网关：请在平台重置，并从小程序中删除。"


class CallMalformed(BadRequest):
    reason = "call_malformed"
    message, message_zh = "The gateway does not take this body here.", "该接口不接受此请求体。"


class OpenDataInvalid(BadRequest):
    reason = "open_data_invalid"
    message = "The platform's data does not fit this user and app. Get it again."
    message_zh = "平台数据与当前用户或应用不符，请重新获取。"


class PasswordWeak(BadRequest):
    reason = "password_weak"
    message = "The password is too short, too long or too common. Choose another."
    message_zh = "密码过短、过长或过于常见，请换一个。"


class AvatarTooLarge(BadRequest):
    reason, status = "avatar_too_large", 413
    message, message_zh = "The avatar is too large.", "头像文件过大。"


class AvatarInvalid(BadRequest):
    reason, status = "avatar_invalid", 415
    message = "The avatar must be a PNG, JPEG, GIF or WebP image."
    message_zh = "头像必须是 PNG、JPEG、GIF 或 WebP 图片。"


class PathBlocked(BadRequest):
    reason = "path_blocked"
    message, message_zh = "This path is not open to clients.", "该路径不对外开放。"


class MalformedRequest(BadRequest):
    reason = "malformed_request"
    message = "The request line, path or headers are malformed or ambiguous."
    message_zh = "请求行、路径或请求头格式错误或有歧义。"


class Unauthorized(Refusal):
    code, reason, status, who = 4001, "unauthorized", 401, "client"
    action: ClassVar[Action] = "login"
    message, message_zh = "Log in first.", "请先登录。"


class SessionMissing(Unauthorized):
    reason = "session_missing"
    message, message_zh = "No login state was sent. Log in first.", "未携带登录态，请先登录。"


class SessionInvalid(Unauthorized):
    reason = "session_invalid"
    message, message_zh = "The login state is not valid. Log in again.", "登录态无效，请重新登录。"


class RefreshInvalid(Unauthorized):
    reason = "refresh_invalid"
    message, message_zh = "The refresh token is not valid. Log in again.", "刷新令牌无效，请重新登录。"


class TokenMissing(Unauthorized):
    reason = "token_missing"
    message, message_zh = "No token was sent.", "请求未携带令牌。"


class TokenInvalid(Unauthorized):
    reason = "token_invalid"
    message, message_zh = "The token is not valid here.", "令牌无效。"


class TokenRefused(Unauthorized):
    reason = "token_refused"
    message, message_zh = "The token was refused.", "令牌被拒绝。"


class SignatureMissing(Unauthorized):
    reason, status, action = "signature_missing", 403, "none"
    message, message_zh = "The call is not signed with a key pair.", "请求未使用密钥对签名。"


class SignatureInvalid(Unauthorized):
    reason, status, action = "signature_invalid", 403, "none"
    message = "The key is unknown, or the signature does not fit the call."
    message_zh = "密钥不存在，或签名与请求不符。"


class SignatureStale(Unauthorized):
    reason, status, action = "signature_stale", 403, "none"
    message = "The call was signed too long ago, or in the future. Check the clock."
    message_zh = "签名时间超出允许范围，请检查时钟。"


class SignatureReplayed(Unauthorized):
    reason, status, action = "signature_replayed", 403, "none"
    message, message_zh = "The nonce was used before.", "nonce 已被使用过。"


class SessionKeyStale(Unauthorized):
    reason = "session_key_stale"
    message = "The platform has changed this user's key. Log in again, then get the data again."
    message_zh = "平台已更换该用户的会话密钥，请重新登录后再次获取数据。"


class Forbidden(Refusal):
    code, reason, status, action = 4003, "forbidden", 403, "none"
    who: ClassVar[Who] = "operator"
    message, message_zh = "This is not allowed.", "禁止访问。"


class UserBlocked(Forbidden):
    reason, who = "user_blocked", "platform"
    message, message_zh = "The platform has blocked this user's login.", "平台拦截了该用户的登录。"


class UserBanned(Forbidden):
    reason = "user_banned"
    message, message_zh = "This user has been banned.", "该用户已被封禁。"


class AccountRefused(Forbidden):
    reason, who = "account_refused", "client"
    message, message_zh = "The username or the password is wrong.", "用户名或密码错误。"


class CaptchaRequired(Forbidden):
    reason, who = "captcha_required", "client"
    message, message_zh = "Solve a captcha first.", "请先完成人机验证。"


class RegistrationClosed(Forbidden):
    reason = "registration_closed"
    message, message_zh = "Registration is closed.", "未开放注册。"


class AddressRefused(Forbidden):
    reason, who = "address_refused", "client"
    message, message_zh = "Calls from this address are not let in.", "不允许来自该地址的请求。"


class OriginRefused(Forbidden):
    reason, who = "origin_refused", "client"
    message, message_zh = "Pages of this origin may not call here.", "不允许该来源的页面调用。"


class PluginRefused(Forbidden):
    reason = "plugin_refused"
    message, message_zh = "The request was refused.", "请求被拒绝。"


class LoginRefused(Forbidden):
    reason = "login_refused"
    message, message_zh = "The login was refused.", "登录被拒绝。"


class NotFound(Refusal):
    code, reason, status, action, who = 4004, "not_found", 404, "none", "client"
    message, message_zh = "There is nothing here.", "资源不存在。"


class NoSuchRoute(NotFound):
    reason = "no_such_route"
    message, message_zh = "No API is published at this host and path.", "该域名和路径下没有已发布的 API。"


class MethodNotAllowed(NotFound):
    reason, status = "method_not_allowed", 405
    message, message_zh = "The API does not take this method.", "该 API 不支持此请求方法。"


class NotBound(NotFound):
    reason = "not_bound"
    message, message_zh = "Nothing of the kind is bound to this user.", "该用户没有此项绑定。"


class NotOffered(NotFound):
    reason = "not_offered"
    message = "This is not offered here, or not by the platform."
    message_zh = "平台不支持或未启用此功能。"


class Conflict(Refusal):
    code, reason, status, action = 4009, "conflict", 409, "none"
    who: ClassVar[Who] = "client"
    message, message_zh = "This is in conflict with what there is.", "与现有数据冲突。"


class IdentityConflict(Conflict):
    reason, who = "identity_conflict", "operator"
    message = "This identity belongs to two users. The operator must say which."
    message_zh = "该身份对应两个用户，请联系运维处理。"


class AccountTaken(Conflict):
    reason = "account_taken"
    message, message_zh = "The account belongs to another user.", "该账号已属于其他用户。"


class PhoneTaken(Conflict):
    reason = "phone_taken"
    message, message_zh = "The phone number belongs to another user.", "该手机号已属于其他用户。"


class AlreadyBound(Conflict):
    reason = "already_bound"
    message = "This user has one already. Unbind it first."
    message_zh = "该用户已有此项绑定，请先解绑。"


class LastWayIn(Conflict):
    reason = "last_way_in"
    message = "This is the only way to log in. Bind another first."
    message_zh = "这是唯一的登录方式，请先绑定其他方式。"


class PlatformRefused(Refusal):
    code, reason, status, who = 4017, "platform_refused", 502, "operator"
    message, message_zh = "The platform does not let this app log users in.", "平台不允许该应用登录用户。"


class PlatformRefusedUs(PlatformRefused):
    reason, action = "platform_refused_credentials", "none"
    message = "The platform refused this app's credentials. The operator must check AppID and AppSecret."
    message_zh = "平台拒绝了该应用的凭证，请运维检查 AppID 与 AppSecret。"


class ComponentNotAuthorized(PlatformRefused):
    reason, action = "component_not_authorized", "none"
    message = "This mini program has not authorised the third-party platform. Its administrator must do so."
    message_zh = "该小程序尚未授权给第三方平台，请小程序管理员完成授权。"


class ComponentTicketMissing(PlatformRefused):
    reason, status, action = "component_ticket_missing", 503, "retry"
    message = (
        "The third-party platform has no valid ticket of WeChat's, which comes every ten minutes. "
        "The operator must see that it arrives."
    )
    message_zh = "第三方平台没有有效的 component_verify_ticket（微信每十分钟推送一次），请运维检查推送是否送达。"


class PlatformBusy(Refusal):
    code, reason, status, action, who = 4021, "platform_busy", 503, "retry", "platform"
    message, message_zh = (
        "The platform is busy. Try again with a new code.",
        "平台繁忙，请稍后用新的 code 重试。",
    )


class PlatformSaysBusy(PlatformBusy):
    reason = "platform_says_busy"


class PlatformUnreachable(PlatformBusy):
    reason = "platform_unreachable"
    message, message_zh = "The platform cannot be reached. Try again.", "无法连接平台，请稍后重试。"


class PlatformTimeout(PlatformBusy):
    reason = "platform_timeout"
    message = "The platform did not answer in time. Try again with a new code."
    message_zh = "平台响应超时，请稍后用新的 code 重试。"


class PlatformReplyInvalid(PlatformBusy):
    reason, status = "platform_reply_invalid", 502
    message = "The platform's answer could not be understood. Try again with a new code."
    message_zh = "平台返回内容异常，请稍后用新的 code 重试。"


class CodeRefused(Refusal):
    code, reason, status, who = 4022, "code_refused", 401, "client"
    action: ClassVar[Action] = "login"
    message, message_zh = "The login code was refused. Get a new one.", "code 被拒绝，请重新获取。"


class CodeInvalid(CodeRefused):
    reason = "code_invalid"
    message = "The login code is unknown, expired or of another app. Get a new one."
    message_zh = "code 无效、已过期或不属于该应用，请重新获取。"


class CodeUsed(CodeRefused):
    reason = "code_used"
    message, message_zh = "The login code was used before. Get a new one.", "code 已被使用，请重新获取。"


class PhoneCodeInvalid(CodeRefused):
    reason, status, action = "phone_code_invalid", 400, "none"
    message = "The phone code is unknown, used, expired or of another user. Ask for the number again."
    message_zh = "手机号 code 无效、已使用、已过期或不属于该用户，请重新获取。"


class SmsCodeInvalid(CodeRefused):
    reason, status, action = "sms_code_invalid", 400, "none"
    message = "The code is wrong, used or expired."
    message_zh = "短信验证码错误、已使用或已过期。"


class PlatformLimit(Refusal):
    code, reason, status, action, who = 4023, "platform_limit", 429, "retry", "platform"
    message, message_zh = (
        "The platform's quota is used up. Try again in a minute.",
        "超出平台调用限额，请一分钟后重试。",
    )


class SessionOver(Refusal):
    code, reason, status, action, who = 4024, "session_over", 401, "login", "client"
    message, message_zh = "The session is over. Log in again.", "会话已结束，请重新登录。"


class SessionExpired(SessionOver):
    reason = "session_expired"
    message, message_zh = "The login state has expired. Log in again.", "登录态已过期，请重新登录。"


class SessionRevoked(SessionOver):
    reason = "session_revoked"
    message, message_zh = "The session was ended. Log in again.", "会话已被终止，请重新登录。"


class TokenExpired(SessionOver):
    reason = "token_expired"
    message, message_zh = "The token has expired. Get a new one.", "令牌已过期，请重新获取。"


class RefreshReused(SessionOver):
    reason = "refresh_reused"
    message = "The refresh token was used before. For safety the session was ended. Log in again."
    message_zh = "刷新令牌已被使用过，为安全起见会话已终止，请重新登录。"


class TooManyRequests(Refusal):
    code, reason, status, action, who = 4025, "too_many_requests", 429, "retry", "client"
    message, message_zh = "Too many requests. Slow down.", "请求过于频繁，请稍后再试。"


class LoginLimit(TooManyRequests):
    reason = "login_limit"
    message, message_zh = "Too many logins. Try again later.", "登录过于频繁，请稍后再试。"


class AccountLocked(TooManyRequests):
    reason = "account_locked"
    message = "Too many wrong passwords. Try again later."
    message_zh = "密码错误次数过多，请稍后再试。"


class RateLimit(TooManyRequests):
    reason = "rate_limit"


class ConcurrencyLimit(TooManyRequests):
    reason = "concurrency_limit"
    message, message_zh = "Too many requests at once. Try again.", "并发请求过多，请稍后重试。"


class SmsLimit(TooManyRequests):
    reason = "sms_limit"
    message, message_zh = "Too many text messages. Try again later.", "短信发送过于频繁，请稍后再试。"


class GatewayFault(Refusal):
    code, reason, status, action, who = 5000, "gateway_fault", 500, "retry", "operator"
    message, message_zh = "The gateway failed.", "网关故障。"


class RouteStale(GatewayFault):
    code, reason, status = 5001, "route_stale", 503
    message, message_zh = "The gateway is switching revisions. Try again.", "网关正在切换配置，请重试。"


class BrainUnavailable(GatewayFault):
    code, reason, status = 5004, "brain_unavailable", 503
    message = "The request could not be checked and was not let through. Try again."
    message_zh = "请求暂时无法校验，已被拒绝，请稍后重试。"


class InternalFault(GatewayFault):
    code, reason, status = 5005, "internal_fault", 500
    message, message_zh = (
        "The gateway failed. The log has this request id.",
        "网关内部错误，可凭请求号查日志。",
    )


class UpstreamUnavailable(GatewayFault):
    code, reason, status = 5010, "upstream_unavailable", 503
    message, message_zh = "No backend could take the request.", "后端服务不可用。"


class UpstreamTimeout(GatewayFault):
    code, reason, status = 5011, "upstream_timeout", 504
    message, message_zh = "The backend did not answer in time.", "后端服务响应超时。"


class Overloaded(GatewayFault):
    code, reason, status = 5012, "overloaded", 503
    message, message_zh = "The gateway is overloaded. Try again later.", "网关过载，请稍后重试。"


class VerifierUnavailable(GatewayFault):
    code, reason, status = 5020, "verifier_unavailable", 503
    message, message_zh = "The account could not be checked. Try again.", "暂时无法校验账号，请稍后重试。"


class SmsUnavailable(GatewayFault):
    code, reason, status = 5021, "sms_unavailable", 503
    message, message_zh = "The text message could not be sent. Try again.", "短信暂时无法发送，请稍后重试。"


class CaptchaUnavailable(GatewayFault):
    code, reason, status = 5022, "captcha_unavailable", 503
    message = "The captcha could not be checked. Try again."
    message_zh = "暂时无法校验人机验证，请稍后重试。"


class CheckerUnavailable(GatewayFault):
    code, reason, status = 5024, "checker_unavailable", 503
    message, message_zh = "The token could not be checked. Try again.", "暂时无法校验令牌，请稍后重试。"


class PluginFailed(GatewayFault):
    code, reason, status = 5025, "plugin_failed", 503
    message, message_zh = "The request could not be decided. Try again.", "请求暂时无法处理，请稍后重试。"


class HookFailed(GatewayFault):
    code, reason, status = 5023, "hook_failed", 503
    message, message_zh = "The login could not be decided. Try again.", "登录暂时无法处理，请稍后重试。"


def _leaves(cls: type[Refusal]) -> Iterable[type[Refusal]]:
    subclasses = cls.__subclasses__()
    if not subclasses:
        yield cls
    for subclass in subclasses:
        yield from _leaves(subclass)


def refusals() -> tuple[type[Refusal], ...]:
    """Every refusal that can reach a client, in the order of the tree."""
    return tuple(_leaves(Refusal))


REFUSALS: dict[str, type[Refusal]] = {cls.reason: cls for cls in refusals()}
"""Reason id -> refusal. Reasons are unique (tested)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: the path of the key (``groups[0].apis[1].path``) and what is wrong with it."""

    path: str
    message: str
    message_zh: str = ""

    def __str__(self) -> str:
        return f"{self.path or '(document)'}: {self.message}"


class ConfigInvalid(MenshenError):
    """A document that does not validate; ``problems`` has all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(p) for p in problems))
        self.problems = tuple(problems)


class EditInvalid(ConfigInvalid):
    """A change after which the document would not validate.

    ``places`` are paths of the document, each with the path of the same thing in what the editor wrote.
    """

    def __init__(self, problems: Sequence[Problem], places: Mapping[str, str]) -> None:
        super().__init__(problems)
        self.places = dict(places)

    def written_at(self, problem: Problem) -> str | None:
        """The problem's path in what the editor wrote; None where it is elsewhere in the document."""
        fitting = [place for place in self.places if _is_within(problem.path, place)]
        if not fitting:
            return None
        place = max(fitting, key=len)
        outer = self.places[place]
        rest = problem.path[len(place) :].removeprefix(".")
        return f"{outer}.{rest}" if outer and rest and not rest.startswith("[") else f"{outer}{rest}"


def _is_within(path: str, place: str) -> bool:
    return not place or path == place or path.startswith((f"{place}.", f"{place}["))


class ConfigUnavailable(MenshenError):
    """A document that cannot be read: no such file, not UTF-8, too large."""


class KeyRingInvalid(MenshenError):
    """Key material that is missing, broken, or readable by other users of the machine."""


class DatabaseUnavailable(MenshenError):
    """The database cannot be reached, read or written."""


class RevisionUnknown(MenshenError):
    """No revision of that number."""


class RevisionMoved(MenshenError):
    """Another revision than the expected one is active: somebody else changed the document meanwhile."""


class PartUnknown(MenshenError):
    """The document has no part of that name."""


class NameTaken(MenshenError):
    """The document has a part of that name already."""


class UserUnknown(MenshenError):
    """No user of that uid."""


class ClaimInvalid(MenshenError):
    """A user's claim of a wrong name or value, or one claim too many."""


class UserInvalid(MenshenError):
    """What an operator asks for a user cannot be: a name, a date, a merge."""


class WebhookUnknown(MenshenError):
    """No webhook of that name."""


class OperatorRefused(MenshenError):
    """What is asked for operators, their sessions or tokens is not done; said in both languages."""

    def __init__(self, message: str, message_zh: str) -> None:
        super().__init__(message)
        self.message_zh = message_zh


class OperatorInvalid(OperatorRefused):
    """It cannot be: a name, a role, scopes, an expiry, the old password."""


class OperatorUnknown(OperatorRefused):
    """There is no such operator, session or token."""


class OperatorConflict(OperatorRefused):
    """It could be, but not as things are: the name is taken, it is the last owner, set-up is over."""


class ChildFailed(MenshenError):
    """A child process (Envoy, a worker) did not come up or refused its configuration."""
