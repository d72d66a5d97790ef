"""``doctor``: everything that has to be right, looked at once, with its remedy.

It runs beside a running bot and without one: it takes no lock, and writes nothing.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

from bot.core.say import checkup as say
from bot.core.world.redaction import Secrets
from bot.engine.examination import Examination
from bot.errors import SettingsError, UserError
from bot.github import checkup
from bot.github.adapter import Way
from bot.host.clock import SystemClock
from bot.ports.clock import Clock
from bot.ports.examined import Examined, Finding, State
from bot.settings import (
    AsFarAsTheyFit,
    Settings,
    environment,
    settings_that_fit,
)
from bot.settings.examined import SettingsExamined
from bot.store.examined import DatabaseFile
from bot.web.door import Door, NoBot
from bot.wiring import github_settings, machine_of, pool_examined, tokens_examined

SECONDS = 30.0
"""How long a part may take: those that ask GitHub may be far from it."""

MARKS: Mapping[State, str] = {
    State.FINE: "✓",
    State.NOTE: "!",
    State.BROKEN: "✗",
}


async def examine() -> Sequence[Finding]:
    """Return what is to be said of this server, its settings and the app."""
    found = settings_that_fit()
    settings, clock = found.settings, SystemClock()
    secrets = Secrets(settings.secrets)
    own = SettingsExamined(settings)
    parts: dict[str, Examined] = {
        "settings": _Settings(found, own),
        "database": DatabaseFile(settings.database),
        "this machine": await asyncio.to_thread(
            partial(machine_of, knows_commands=found.knows_commands),
            settings,
            environment(),
            secrets,
        ),
        "the running bot": Running(Door(settings.database), own),
    }
    if settings.dask and found.knows_commands:
        parts["pool"] = _pool(settings, clock)
        if settings.tokens_at:
            parts["tokens"] = _tokens(settings)
    async with AsyncExitStack() as stack:
        if found.knows_app:
            way = await stack.enter_async_context(
                Way.open(
                    github_settings(settings), clock, random.random, secrets=secrets
                )
            )
            parts |= checkup.parts(way.client, clock, _expected(settings))
        return await Examination(parts, seconds=SECONDS).findings()


def _pool(settings: Settings, clock: Clock) -> Examined:
    try:
        return pool_examined(settings, clock)
    except SettingsError as error:
        return Said(Finding("pool", State.BROKEN, str(error)))


def _tokens(settings: Settings) -> Examined:
    try:
        return tokens_examined(settings)
    except SettingsError as error:
        return Said(Finding("tokens", State.BROKEN, str(error)))


@dataclass(frozen=True, slots=True)
class Said:
    """A part of which one thing is known."""

    finding: Finding

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        return [self.finding]


class _Settings:
    """What is wrong with the settings, or what they come to."""

    def __init__(self, found: AsFarAsTheyFit, own: SettingsExamined) -> None:
        self._found = found
        self._own = own

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        faults = [
            Finding("settings", State.BROKEN, fault) for fault in self._found.faults
        ]
        if not faults:
            return await self._own.examine()
        if not self._found.knows_app:
            faults.append(Finding("GitHub", State.NOTE, *say.not_asked()))
        return faults


class Running:
    """What the bot that runs says of itself, if one does.

    Where that is set up otherwise than *own*, the settings of whoever looks, it is said
    of which of the two a line is.
    """

    def __init__(self, door: Door, own: SettingsExamined) -> None:
        self._door = door
        self._own = own

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        try:
            told = await asyncio.to_thread(self._door.ask, "findings")
        except NoBot:
            return []
        except UserError as error:
            return [Finding("bot", State.NOTE, str(error))]
        own = await self._own.examine()
        found = [
            Finding(one["part"], State(one["state"]), one["words"], one["advice"])
            for one in told["findings"]
        ]
        return [
            replace(one, words=say.of_running(one.words))
            if one.part in {of.part for of in own} and one not in own
            else one
            for one in found
        ]


def _expected(settings: Settings) -> checkup.Expected:
    return checkup.Expected(
        webhook_path=settings.webhook_path,
        site=settings.site_url,
        web_url=settings.web_url,
        proxy_url=settings.webhook_proxy_url,
        polls=settings.polls,
        secrets=settings.webhook_secrets,
        repositories=tuple(settings.file.allowed_repositories),
        reserve=settings.reserve,
    )


def lines(found: Sequence[Finding]) -> Sequence[str]:
    """Return a line for each finding, and the summary."""
    width = max((len(one.part) for one in found), default=0)
    broken, notes = (count(found, state) for state in (State.BROKEN, State.NOTE))
    return [
        *(f"{MARKS[one.state]} {one.part:{width}}  {one}" for one in found),
        "",
        say.summary(broken, notes),
    ]


def count(found: Sequence[Finding], state: State) -> int:
    """Return how many findings are of a state."""
    return sum(one.state is state for one in found)


def document(found: Sequence[Finding]) -> Mapping[str, object]:
    """Return what was found as JSON has it."""
    states = [one.state for one in found]
    worst = max(states, key=[*State].index, default=State.FINE)
    return {
        "state": worst,
        "findings": [
            {
                "part": one.part,
                "state": one.state,
                "words": one.words,
                "advice": one.advice,
            }
            for one in found
        ],
    }
