"""How the bot answers where somebody asked for something."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from bot.core.command.faults import Declined, NotPermitted, Refusal
from bot.core.effects import CreateComment, React, Reaction
from bot.core.model import (
    Box,
    Button,
    Comment,
    Labelled,
    Operator,
    Page,
    Request,
    ReviewAsked,
    Scheduled,
    StartTime,
)
from bot.core.say import declines
from bot.core.say.refusals import render_refusal
from bot.core.world.markdown import Links
from bot.core.world.markers import marker
from bot.engine.effects import Effects
from bot.engine.situation import Face
from bot.engine.supervisor import Supervisor
from bot.errors import PermanentError
from bot.ports.clock import Clock
from bot.ports.store import Refusals


class Replies:
    """Answers in the thread; each answer once, however often it is asked for."""

    def __init__(
        self,
        *,
        effects: Effects,
        face: Face,
        refusals: Refusals,
        clock: Clock,
        supervisor: Supervisor,
    ) -> None:
        self._supervisor = supervisor
        self._effects = effects
        self._face = face
        self._refusals = refusals
        self._clock = clock
        self._told_apart: dict[str, str] = {}
        self._unsaid: dict[str, asyncio.Task[object]] = {}

    async def say(
        self,
        request: Request,
        kind: str,
        render: Callable[[str], str],
        *,
        changed: bool = True,
    ) -> None:
        """Post what *render* makes of the marker line it is given.

        The operator, and who sent a form of a page, read it elsewhere: the thread is told
        only of what has *changed*, and no other wish waits for that: see ``unsaid``.
        """
        first = marker(kind, request.reply, self._face.marker_key)
        comment = CreateComment(
            request.repository, request.thread, first, render(first)
        )
        key = reply_key(kind, request)
        if not isinstance(request.origin, Operator | Page):
            await self._effects.perform(key, comment)
            return
        self._told_apart[request.source] = render("").strip()
        if changed:
            saying = self._supervisor.start(key, self._effects.attempt(key, comment))
            self._unsaid[request.reply] = saying

    def told_apart(self, request: Request) -> str:
        """Return what was said to who reads it elsewhere, once."""
        return self._told_apart.pop(request.source, "")

    def unsaid(self, reply: str) -> asyncio.Task[object] | None:
        """Return what says in the thread what was done by a wish, once; None if it has
        said it, or there is nothing to say.
        """
        saying = self._unsaid.pop(reply, None)
        return None if saying is None or saying.done() else saying

    async def refuse(self, request: Request, refusal: Refusal) -> None:
        """Say why nothing started, and react to the command: that is all that is left
        where the thread takes no comment.
        """
        try:
            await self.say(
                request,
                "error",
                lambda first: render_refusal(
                    refusal, marker=first, links=_links(request)
                ),
                changed=False,
            )
        except PermanentError:
            await self.react(request, Reaction.REFUSED)
            raise
        await self.react(request, Reaction.REFUSED)

    async def deny(self, request: Request, denied: NotPermitted) -> None:
        """Say which role is missing, once a day to each person; then only react."""
        is_first = await self._refusals.first_today(
            request.repository.id, request.asker.login, at=self._clock.now()
        )
        reads_it_apart = isinstance(request.origin, Page)
        if is_first or denied.could_not_ask or reads_it_apart:
            await self.refuse(request, denied)
        else:
            await self.react(request, Reaction.REFUSED)

    async def give_up(self, request: Request, words: str, *, is_begun: bool) -> None:
        """Say that a command was not dealt with (*words*) and what to do.

        Once this is begun it stays so: see ``has_given_up``.
        """
        declined = Declined(declines.given_up(words, is_begun=is_begun))
        await self.say(
            request,
            "late",
            lambda first: render_refusal(declined, marker=first, links=_links(request)),
        )
        await self.react(request, Reaction.REFUSED)

    async def has_given_up(self, request: Request) -> bool:
        """Return whether a command was given up, even if nobody was told yet."""
        return await self._effects.is_meant(f"reply/late/{request.reply}")

    async def withdraw(self, request: Request, by: str) -> None:
        """Say that a command was taken back before it started anything.

        Once this is begun it stays so: see ``is_withdrawn``.
        """
        declined = Declined(declines.withdrawn(by))
        await self.say(
            request,
            "withdrawn",
            lambda first: render_refusal(declined, marker=first, links=_links(request)),
        )
        await self.react(request, Reaction.REFUSED)

    async def is_withdrawn(self, request: Request) -> bool:
        """Return whether a command was taken back."""
        return await self._effects.is_meant(f"reply/withdrawn/{request.reply}")

    async def say_today(
        self, request: Request, kind: str, subject: str, render: Callable[[str], str]
    ) -> None:
        """Say something once in 24 hours about *subject*, which is nobody's login."""
        is_begun = await self._effects.is_meant(f"reply/{kind}/{request.reply}")
        if is_begun or await self._refusals.first_today(
            request.repository.id, subject, at=self._clock.now()
        ):
            await self.say(request, kind, render)

    async def may_explain(self, request: Request) -> bool:
        """Return whether nobody was told in this thread today how the bot is spoken to."""
        thread = f"#{request.thread}"  # which is nobody's login
        return await self._refusals.first_today(
            request.repository.id, thread, at=self._clock.now()
        )

    async def has_seen(self, request: Request) -> bool:
        """Return whether this database knows that a comment was come to."""
        match request.origin:
            case Comment(id_, kind):
                key = f"react/{kind}/{id_}/{Reaction.SEEN}"
                return await self._effects.is_meant(key)
            case _:
                return True

    async def decline(self, request: Request, message: str) -> None:
        """Refuse with a sentence of Markdown that the bot wrote."""
        await self.refuse(request, Declined(message))

    async def inform(self, request: Request, message: str) -> None:
        """Say in a sentence of Markdown that what was asked for is there already."""
        await self.say(
            request, "there", lambda first: f"{first}\n{message}\n", changed=False
        )

    async def react(self, request: Request, mood: Reaction) -> None:
        """React to the command; without a comment to react to, do nothing."""
        await react_to(request, mood, self._effects)


def reply_key(kind: str, request: Request) -> str:
    """Return the key of the answer of a kind to a request."""
    return f"reply/{kind}/{request.reply}"


async def react_to(request: Request, mood: Reaction, effects: Effects) -> None:
    """React to the comment that a request was made with, if it was one, once."""
    match request.origin:
        case Comment(id_, kind, node_id):
            react = React(request.repository, kind, id_, mood, node_id)
            await effects.attempt(f"react/{kind}/{id_}/{mood}", react)
        case (
            Box()
            | Button()
            | Labelled()
            | ReviewAsked()
            | Operator()
            | Page()
            | Scheduled()
            | StartTime()
        ):
            pass
        case _:
            assert_never(request.origin)


def _links(request: Request) -> Links:
    """Return links on the site that the request came from."""
    return Links.beside(request.repository.name, request.asker.url)
