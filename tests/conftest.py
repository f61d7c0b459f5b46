"""What all tests share: no silent skip in CI, and the real parts as fixtures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent / "real"))

import fetch
import parts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MAY_SKIP = "may_skip(reason): the machine may truly be unable to have it; a skip is none of CI's failures"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest the marker of the next function."""
    config.addinivalue_line("markers", MAY_SKIP)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is true a skipped test is a failed test, unless it is marked with ``may_skip``."""
    report = yield
    if _skip_is_a_failure(report) and item.get_closest_marker("may_skip") is None:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module."""
    report = yield
    if _skip_is_a_failure(report):
        _fail(report)
    return report


def _skip_is_a_failure(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail")


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"CI allows no skip. {reason}"


def _there(part: fetch.Part) -> None:
    if reason := part.missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def real_telegraf() -> Path:
    """Give the path of a real Telegraf; ``parts.telegraf`` starts it."""
    _there(fetch.TELEGRAF)
    return fetch.TELEGRAF.path


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.InfluxDB]:
    """Run a real InfluxDB; each test writes to a database of its own."""
    _there(fetch.INFLUXDB)
    with parts.InfluxDB(tmp_path_factory.mktemp("influxdb")) as database:
        yield database


@pytest.fixture(scope="session", params=["wrapper", "hdlc"])
def foreign_meter(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Run a meter that others wrote: give its interface_type and port."""
    _there(fetch.PYDLMS)
    with parts.foreign_meter(*(["--hdlc"] if request.param == "hdlc" else [])) as meter:
        yield request.param, parts.listening(meter)


@pytest.fixture(scope="session")
def foreign_wrapper_meter() -> Iterator[int]:
    """Run a meter that others wrote, with WRAPPER on TCP: give its port."""
    _there(fetch.PYDLMS)
    with parts.foreign_meter() as meter:
        yield parts.listening(meter)


@pytest.fixture(scope="session")
def built_in_meter() -> Iterator[int]:
    """Run our own meter, with WRAPPER on TCP: give its port."""
    with parts.built_in_meter("--interface", "wrapper") as meter:
        yield parts.listening(meter)
