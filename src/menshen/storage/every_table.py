"""The metadata with every table in it, which migrations lead to."""

from __future__ import annotations

from typing import Final

from menshen.storage import log_tables, operator_tables, tables

__all__ = ["metadata"]

_ADDED_BY: Final = (log_tables, operator_tables)
"""A table is in the metadata once its module is imported."""

metadata = tables.metadata
