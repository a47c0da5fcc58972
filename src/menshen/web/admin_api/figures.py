"""Figures over HTTP: those of the console's overview, with no Prometheus anywhere."""

from __future__ import annotations

from menshen.operators.roles import Scope
from menshen.web.admin_api.endpoint import Call, Endpoint
from menshen.web.figures import FigureDesk, Figures

__all__ = ["figure_endpoints"]


def figure_endpoints(desk: FigureDesk) -> list[Endpoint]:
    """``GET /v1/figures``."""

    async def figures(_: Call) -> Figures:
        return await desk.figures()

    return [
        Endpoint(
            "GET",
            "/v1/figures",
            "What the gateway does: the last minute of this node, the last 24 hours of all, and how the node is",
            Scope.FIGURES_READ,
            figures,
            answer=Figures,
        )
    ]
