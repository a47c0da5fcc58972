"""``python -m bench``: measure, print, and exit 1 if a goal is missed (2 if nothing could be measured)."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.checks import measure_checks
from bench.children import BenchFailed
from bench.desk import measure_desk
from bench.endpoint import measure_endpoint
from bench.governance import measure_governance
from bench.idle import measure_idle
from bench.logins import measure_logins
from bench.middleware import measure_middleware
from bench.nginx import measure_nginx
from bench.pool import measure_pool
from bench.records import measure_records
from bench.replay import Replay
from bench.report import Report, print_goals, print_report
from bench.revocation import measure_revocation
from bench.stage import stage
from bench.startup import measure_startup


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each scenario (default 3)")
    parser.add_argument("--only", default="a,b,c,d,e,f,g,h,i,j,k,l", help="which measurements, for example a,c")
    parser.add_argument("--workers", type=int, help="workers of the gateways of a, c, d, e (default: menshen's own)")
    parser.add_argument("--no-wrk", action="store_true", help="make all load with the built-in generator")
    options = parser.parse_args()
    wanted = options.only.split(",")
    began = time.monotonic()
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="menshen-bench-") as name:
        replay = Replay(Path(name), wrk=not options.no_wrk)
        print(
            f"{os.cpu_count()} cores, Python {platform.python_version()}, load for a, b, i and l: {replay.generator}",
            flush=True,
        )
        try:
            workers = () if options.workers is None else ("--workers", str(options.workers))
            with stage(Path(name), *workers) as ready:
                seconds, rounds = max(1.0, options.seconds), max(1, options.rounds)
                measurements: dict[str, Callable[[], Report]] = {
                    "a": lambda: measure_checks(ready, replay, rounds=rounds, seconds=seconds),
                    "b": lambda: measure_endpoint(ready, replay, rounds=rounds, seconds=seconds),
                    "c": lambda: measure_logins(ready, rounds=rounds, seconds=seconds),
                    "d": lambda: measure_idle(ready),
                    "e": lambda: measure_startup(ready, rounds=rounds),
                    "f": lambda: measure_revocation(ready),
                    "g": lambda: measure_records(Path(name)),
                    "h": lambda: measure_pool(Path(name), rounds=rounds, seconds=seconds),
                    "i": lambda: measure_governance(ready, replay, rounds=rounds, seconds=seconds),
                    "j": lambda: measure_desk(Path(name)),
                    "k": lambda: measure_middleware(ready, rounds=rounds),
                    "l": lambda: measure_nginx(ready, replay, rounds=rounds, seconds=seconds),
                }
                if unknown := set(wanted) - set(measurements):
                    parser.error(f"--only: no measurement {', '.join(sorted(unknown))}")
                for key in measurements:
                    if key in wanted:
                        reports.append(measurements[key]())
                        print_report(reports[-1])
        except BenchFailed as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
    goals = [goal for report in reports for goal in report.goals]
    print_goals(goals)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    return 0 if all(goal.holds for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
