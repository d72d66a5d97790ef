"""Where somebody asked for something, and how the bot answers there."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.command.faults import Declined, NotPermitted, Problem
from bot.core.effects import CreateComment, React, Reaction
from bot.core.model import Asker, CommentKind, ItemNumber, Repository
from bot.core.say.replies import render_problem
from bot.core.world.markdown import Links
from bot.core.world.markers import marker
from bot.engine.effects import Effects
from bot.engine.situation import Face
from bot.ports.clock import Clock
from bot.ports.store import Refusals


@dataclass(frozen=True, slots=True)
class Place:
    """A comment, or a ticked box of the bot's own, with who is behind it."""

    repository: Repository
    thread: ItemNumber
    thread_is_pull_request: bool
    asker: Asker
    source: str  # unique: comment:991
    comment_id: int
    comment_kind: CommentKind = CommentKind.ISSUE
    comment_node_id: str = ""
    is_box: bool = False

    @property
    def links(self) -> Links:
        """Links on the site that the request came from."""
        return Links.beside(self.repository.name, self.asker.url)


class Replies:
    """Answers in the thread; each answer once, however often it is asked for."""

    def __init__(
        self, *, effects: Effects, face: Face, refusals: Refusals, clock: Clock
    ) -> None:
        self._effects = effects
        self._face = face
        self._refusals = refusals
        self._clock = clock

    async def say(
        self, place: Place, kind: str, render: Callable[[str], str], *, part: int = 0
    ) -> None:
        """Post what *render* makes of the marker line it is given.

        *part* tells several answers to one comment apart.
        """
        name = f"{place.source}.{part}" if part else place.source
        first = marker(kind, name, self._face.marker_key)
        comment = CreateComment(place.repository, place.thread, first, render(first))
        await self._effects.perform(f"reply/{kind}/{name}", comment)

    async def refuse(self, place: Place, problem: Problem, *, part: int = 0) -> None:
        """Say why nothing started, and react to the command."""
        await self.react(place, Reaction.REFUSED)
        await self.say(
            place,
            "error",
            lambda first: render_problem(problem, marker=first, links=place.links),
            part=part,
        )

    async def deny(self, place: Place, denied: NotPermitted, *, part: int = 0) -> None:
        """Say which role is missing, once a day to each person; then only react."""
        is_first = await self._refusals.first_today(
            place.repository.id, place.asker.login, at=self._clock.now()
        )
        if is_first or denied.could_not_ask:
            await self.refuse(place, denied, part=part)
        else:
            await self.react(place, Reaction.REFUSED)

    async def give_up(self, place: Place, words: str, *, is_begun: bool) -> None:
        """Say that a command was not dealt with (*words*) and what to do.

        Once this is begun it stays so: see ``has_given_up``.
        """
        nothing = "nothing more was started" if is_begun else "nothing was started"
        again = "what is missing" if is_begun else "the command"
        declined = Declined(f"{words}, so {nothing}. Give {again} again.")
        await self.react(place, Reaction.REFUSED)
        await self.say(
            place,
            "late",
            lambda first: render_problem(declined, marker=first, links=place.links),
        )

    async def has_given_up(self, place: Place) -> bool:
        """Return whether a command was given up, even if nobody was told yet."""
        return await self._effects.is_meant(f"reply/late/{place.source}")

    async def decline(self, place: Place, message: str, *, part: int = 0) -> None:
        """Refuse with a sentence of Markdown that the bot wrote."""
        await self.refuse(place, Declined(message), part=part)

    async def react(self, place: Place, mood: Reaction) -> None:
        """React to the command; without a comment to react to, do nothing."""
        if place.is_box:
            return
        react = React(
            place.repository,
            place.comment_kind,
            place.comment_id,
            mood,
            place.comment_node_id,
        )
        key = f"react/{place.comment_kind}/{place.comment_id}/{mood}"
        await self._effects.attempt(key, react)
