"""The way in: text or a mapping to a checked document and its snapshot, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from menshen.config.app_keys import AppKeys
from menshen.config.checks import NO_KEYS, NONE_BROKEN, cross_check
from menshen.config.compile import compile_snapshot
from menshen.config.custom_types import NO_CUSTOM_TYPES, CustomTypes
from menshen.config.document import Document
from menshen.config.environment import redact, resolve_environment
from menshen.config.outline import outline
from menshen.config.presets import with_presets
from menshen.config.snapshot import Snapshot
from menshen.config.wording import errors_of, problem_of
from menshen.config.yamltext import MAX_BYTES, parse_yaml
from menshen.errors import ConfigInvalid, ConfigUnavailable, Problem

__all__ = ["Loaded", "read_document", "read_mapping", "read_text"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document that holds. ``raw`` is what was written, references to the environment and all."""

    raw: Mapping[str, Any] = field(repr=False)
    document: Document
    snapshot: Snapshot


def read_text(path: Path) -> str:
    """The text of a file. Raises ``ConfigUnavailable`` where there is none, or it is over 1 MiB or not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigUnavailable(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(data) > MAX_BYTES:
        raise ConfigUnavailable(f"{path}: over 1 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigUnavailable(f"{path}: not UTF-8 (byte {error.start})") from None


def read_document(
    text: str,
    *,
    env: Mapping[str, str],
    plugin_types: Mapping[str, str],
    platforms: Container[str],
    app_keys: Mapping[str, AppKeys] = NO_KEYS,
    broken: Mapping[str, str] = NONE_BROKEN,
    types: CustomTypes = NO_CUSTOM_TYPES,
) -> Loaded:
    """A YAML text as a checked document. Raises ``ConfigInvalid`` with every problem.

    ``plugin_types`` is type of login plugin -> platform; ``platforms`` are those that have an adapter; ``app_keys``
    is platform -> what it has beside AppID and AppSecret; ``broken`` is platform -> why the installation cannot use it;
    ``types`` are the plugin types of the installation.
    """
    parsed = parse_yaml(text)
    if not parsed.whole:
        raise ConfigInvalid(parsed.problems)
    return _load(parsed.value, parsed.problems, env, plugin_types, platforms, app_keys, broken, types)


def read_mapping(
    raw: Mapping[str, Any],
    *,
    env: Mapping[str, str],
    plugin_types: Mapping[str, str],
    platforms: Container[str],
    app_keys: Mapping[str, AppKeys] = NO_KEYS,
    broken: Mapping[str, str] = NONE_BROKEN,
    types: CustomTypes = NO_CUSTOM_TYPES,
) -> Loaded:
    """As :func:`read_document`, of a mapping with text keys."""
    return _load(raw, (), env, plugin_types, platforms, app_keys, broken, types)


def _load(
    raw: Any,
    found: tuple[Problem, ...],
    env: Mapping[str, str],
    plugin_types: Mapping[str, str],
    platforms: Container[str],
    app_keys: Mapping[str, AppKeys],
    broken: Mapping[str, str],
    types: CustomTypes,
) -> Loaded:
    if not isinstance(raw, Mapping):
        shape = Problem(
            "", "the document must be a mapping that starts with version: 1", "文档必须是以 version: 1 开头的映射"
        )
        raise ConfigInvalid((*found, shape))
    resolved = resolve_environment(raw, env)
    unresolved = {problem.path for problem in resolved.problems}
    whole = with_presets(resolved.value)
    document, errors = _validate(whole)
    wrong = [problem for problem in map(problem_of, errors) if problem.path not in unresolved]
    sound = outline(whole, errors, document)
    crossed = cross_check(
        sound, plugin_types=plugin_types, platforms=platforms, app_keys=app_keys, broken=broken, types=types
    )
    problems = redact((*found, *resolved.problems, *wrong, *crossed), resolved.used)
    if document is None or problems:
        raise ConfigInvalid(problems)
    return Loaded(raw, document, compile_snapshot(document, types))


def _validate(value: Mapping[str, Any]) -> tuple[Document | None, list[ErrorDetails]]:
    try:
        return Document.model_validate(value), []
    except ValidationError as error:
        return None, errors_of(error)
