"""APIs that are open at certain hours. Staff comes in at any time."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from menshen.gateway.plugins import EnvoyMessage, Pass, PluginRequest, PluginRoute, Refuse, parameter_error

_MINUTES_OF_A_DAY = 24 * 60
_MUTATION = "envoy.extensions.filters.http.header_mutation.v3"


def _time_of_day(text: str) -> str:
    hours, colon, minutes = text.partition(":")
    whole = len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()
    if not (colon and whole and int(minutes) < 60 and _minutes(text) <= _MINUTES_OF_A_DAY):
        raise parameter_error('must be a time of day such as "09:00"', '必须是时刻，例如 "09:00"')
    return text


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]


class OpeningHours:
    class Parameters(BaseModel):
        """``utc_offset`` in hours, ``staff`` are uids; with ``tell_closing`` clients read when it closes."""

        opens: TimeOfDay
        closes: TimeOfDay
        utc_offset: Annotated[int, Field(ge=-12, le=14)] = 8
        staff: tuple[str, ...] = ()
        message: str = "Closed at the moment. 当前不在营业时间。"
        tell_closing: bool = False

    headers = ("x-menshen-plugin-shop",)
    tags = ("shop",)
    response_headers = ("x-shop-closes",)
    envoy_filter = EnvoyMessage(f"{_MUTATION}.HeaderMutation")

    def decide(self, parameters: Parameters, request: PluginRequest) -> Pass | Refuse:
        minute = int(request.now // 60 + parameters.utc_offset * 60) % _MINUTES_OF_A_DAY
        if _minutes(parameters.opens) <= minute < _minutes(parameters.closes):
            shop = "open"
        elif request.identity is not None and request.identity.uid in parameters.staff:
            shop = "staff"
        else:
            return Refuse(parameters.message)
        return Pass(headers={"x-menshen-plugin-shop": shop}, tags={"shop": shop})

    def envoy(self, parameters: Parameters, _: PluginRoute) -> EnvoyMessage | None:
        if not parameters.tell_closing:
            return None
        header = {"key": "x-shop-closes", "value": parameters.closes}
        append = {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        return EnvoyMessage(
            f"{_MUTATION}.HeaderMutationPerRoute", {"mutations": {"response_mutations": [{"append": append}]}}
        )
