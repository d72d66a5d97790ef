"""Fixtures for every test: the local GitHub, held to GitHub's descriptions."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from playwright.async_api import Browser

from bot.host.zones import install_zones
from bot.localhub.api_log import Exchange
from bot.localhub.hub import LocalHub
from bot.localhub.server import start_hub
from tests import contracts
from tests.browser import chromium
from tests.fakes import FakeClock

REPOSITORY = "acme/widgets"
FILES = {
    "README.md": "# widgets\n",
    "src/widgets.py": "def area(width, height):\n    return width * height\n",
    "tests/test_widgets.py": "from widgets import area\n",
}

_held: set[tuple[object, ...]] = set()
"""The kinds of exchange that this process has already held to the descriptions."""


install_zones()  # as a process does when it starts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser for the second stage."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("outside")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Leave nothing of how a program of a test has set up the logs of this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    if structlog.is_configured():
        structlog.reset_defaults()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Yield the one Chromium of all tests, for those of the session's loop."""
    async with chromium() as running:
        yield running


@pytest.fixture(autouse=True, scope="session")
def uncached_loggers() -> Iterator[None]:
    """Have no logger keep the settings of its first use, in whichever test that was."""
    configure = structlog.configure

    def uncached(*arguments: Any, **more: Any) -> None:
        configure(*arguments, **{**more, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", uncached)
        yield


@pytest.fixture(autouse=True, scope="session")
def keys_are_checked_once() -> Iterator[None]:
    """Have each private key read once: its check takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        read = cache(load_pem_private_key)
        for module in ("bot.settings.keys", "jwt.algorithms"):
            patch.setattr(f"{module}.load_pem_private_key", read)
        yield


@pytest.fixture(autouse=True, scope="session")
def packages_are_looked_at_once() -> Iterator[None]:
    """Have what installed packages add read once, where a test installs none."""
    once, path = cache(entry_points), sys.path[:]

    def read(*, group: str) -> Any:
        return (once if sys.path == path else entry_points)(group=group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.wiring.entry_points", read)
        yield


@pytest.fixture
def hub_clock() -> FakeClock:
    """Return the clock of ``hub``; override it to share another one."""
    return FakeClock()


@pytest.fixture
async def hub(hub_clock: FakeClock, tmp_path: Path) -> AsyncIterator[LocalHub]:
    """Serve a local GitHub with the repository ``acme/widgets``.

    The app is installed on the organization ``acme``; ``olivia`` maintains, ``wade``
    writes, ``tess`` triages, ``rita`` reads, ``sam`` has no role. At the end all that
    was exchanged is held to GitHub's own descriptions, if they are installed.
    """
    async with start_hub(
        data_dir=tmp_path / "github",
        now=hub_clock.now,
        sleep=hub_clock.sleep,
    ) as github:
        github.add_organization("acme")
        github.create_repository(REPOSITORY, files=FILES)
        github.add_user("sam")
        for login, role in (
            ("olivia", "maintain"),
            ("wade", "write"),
            ("tess", "triage"),
            ("rita", "read"),
        ):
            github.set_role("acme", REPOSITORY, login, role)
        github.install("acme")
        yield github
        problems = [problem for e in github.log for problem in contract_problems(e)]
    assert problems == []


def contract_problems(exchange: Exchange) -> list[str]:
    """Return what is wrong with an exchange, once for each kind in a process."""
    if contracts.folder() is None or exchange.is_fault:
        return []
    is_graphql = exchange.path == "/graphql"
    what = str(exchange.request) if is_graphql else exchange.template
    kind = (exchange.method, what or exchange.path, exchange.status)
    if kind in _held:
        return []
    _held.add(kind)
    return contracts.exchange_problems(exchange)
