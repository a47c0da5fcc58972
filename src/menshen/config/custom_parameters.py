"""Parameters of plugin types that the installation brings, against the type's own model.

A model's author is not asked to be strict: values are never converted, and a key that the model does not have is
refused, whatever the model says of that itself. Parameters are read as JSON, as a worker gets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import msgspec
from pydantic import BaseModel, ValidationError

from menshen.config.wording import errors_of, problem_of
from menshen.errors import Problem

__all__ = ["ParametersModel", "is_model", "parameter_problems", "parsed"]

ParametersModel = type[BaseModel]


def is_model(kind: object) -> TypeGuard[ParametersModel]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def parsed(model: ParametersModel, parameters: Mapping[str, Any]) -> BaseModel:
    """Raises ``ValidationError``, and whatever a validator of the model's raises."""
    return model.model_validate_json(msgspec.json.encode(parameters), strict=True, extra="forbid")


def parameter_problems(model: ParametersModel, parameters: Mapping[str, Any]) -> Iterator[Problem]:
    """Paths are below the parameters. Raises whatever a validator of the model's raises."""
    try:
        parsed(model, parameters)
    except ValidationError as error:
        yield from map(problem_of, errors_of(error))
