"""An nginx that anybody may run: one worker, and every file of it in one directory."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

__all__ = ["nginx_command"]

_MAIN = """\
{main}
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {http}
}}
"""


def nginx_command(directory: Path, http: str, *, main: str = "", program: str = "nginx") -> list[str]:
    """Write ``nginx.conf`` with this in its ``http``, and with ``main`` before everything; the command that runs it."""
    # Its workers would be somebody else, and the directory is ours alone.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    config.write_text(_MAIN.format(main=main, user=user, directory=directory, http=http))
    return [program, "-p", str(directory), "-c", str(config)]
