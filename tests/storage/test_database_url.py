"""Which database the environment names."""

from __future__ import annotations

from pathlib import Path

import pytest

from menshen.errors import DatabaseUnavailable
from menshen.storage.database import sqlite_url
from menshen.storage.database_url import DATABASE_URL_VARIABLE, database_url

HERE = Path("/somewhere")


@pytest.mark.parametrize("env", [{}, {DATABASE_URL_VARIABLE: ""}, {DATABASE_URL_VARIABLE: " "}])
def test_without_a_url_it_is_sqlite_in_the_data_directory(env: dict[str, str]) -> None:
    assert database_url(HERE, env) == sqlite_url(HERE) == "sqlite+aiosqlite:////somewhere/menshen.db"


@pytest.mark.parametrize("url", ["postgresql://u:p@db/menshen?sslmode=verify-full", "postgres://u@db1,db2/menshen"])
def test_a_url_of_postgresql_is_taken_as_it_is(url: str) -> None:
    assert database_url(HERE, {DATABASE_URL_VARIABLE: f"{url}\n"}) == url


@pytest.mark.parametrize(
    "url", ["mysql://u:planted@db/menshen", "planted", "sqlite:///planted", "postgresql+psycopg://planted"]
)
def test_any_other_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as caught:
        database_url(HERE, {DATABASE_URL_VARIABLE: url})
    assert "planted" not in str(caught.value)
