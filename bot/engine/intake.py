"""From a delivery to a recorded batch: role, command, facts, plan.

Whatever is refused is answered once, and nothing was started. Everything here can be
done again after a crash: batches are found by what started them, replies and reactions
by their keys.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, assert_never

import structlog
from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.actions.ability import Abilities
from bot.core.actions.table import ACTIONS, needed_role, spec_of
from bot.core.command import syntax
from bot.core.command.faults import (
    CycleFound,
    Declined,
    NotPermitted,
    Problem,
    UnknownItems,
    Unreadable,
)
from bot.core.command.lines import find_command_lines
from bot.core.command.syntax import Command, RunCommand, format_command
from bot.core.command.trigger import (
    EVENTS,
    WAKING,
    BoxesTicked,
    CommentWritten,
    InstallationChanged,
    ItemChanged,
    LabelChanged,
    RepositoryChanged,
    ReviewRequested,
    Trigger,
    about,
    trigger_of,
)
from bot.core.effects import Reaction
from bot.core.model import (
    Action,
    Asker,
    Batch,
    Comment,
    Deps,
    ItemKind,
    Plan,
    Reference,
    Request,
    Role,
)
from bot.core.plan.expansion import Known
from bot.core.plan.graph import build_plan, settle_outside
from bot.core.plan.selection import Selection, select
from bot.core.say.help import render_help
from bot.core.say.plan import render_plan
from bot.core.world.markdown import code_span, escape_prose
from bot.core.world.markers import ticked
from bot.engine.changes import Changes
from bot.engine.controls import Controls
from bot.engine.creation import NAMELESS, record_batch
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.situation import Face, Situations
from bot.errors import BotError, ConfigurationError, PermanentError
from bot.ports.clock import Clock
from bot.ports.github import Lookups
from bot.ports.store import Batches, Delivery

PLAN_VALID = timedelta(hours=1)
SAME_COMMAND = timedelta(seconds=60)
"""How long the same command of the same person counts as the same wish."""

IN_TIME = timedelta(minutes=5)
"""How long a comment's repository is taken to have the name that the delivery says."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator of this server decided."""

    app_login: str
    allowed_bots: frozenset[str] = frozenset()
    allows: Callable[[str], bool] = lambda _: True  # by owner/name
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a command comes to. ``settled`` says of outside predecessors that have ended
    badly already.
    """

    selection: Selection
    plan: Plan
    settled: Mapping[Reference, bool]


Refusable = Unreadable | UnknownItems | CycleFound | Declined


class Intake:
    """Deals with deliveries, one by one."""

    def __init__(
        self,
        *,
        github: Lookups,
        batches: Batches,
        reader: Reader,
        replies: Replies,
        controls: Controls,
        changes: Changes,
        situations: Situations,
        clock: Clock,
        face: Face,
        policy: Policy,
        abilities: Abilities,
        wake: Callable[[Collection[str]], None],
    ) -> None:
        self._github = github
        self._batches = batches
        self._reader = reader
        self._replies = replies
        self._controls = controls
        self._changes = changes
        self._situations = situations
        self._clock = clock
        self._face = face
        self._policy = policy
        self._abilities = abilities
        self._wake = wake

    def may_act_on(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Return whether a delivery may be a reason to act, once noted what it tells."""
        return self._lane_of(event, payload) is not None

    def lane_of(self, delivery: Delivery) -> str | None:
        """Return with which others a delivery is dealt with in order, None if it is no
        reason to act.
        """
        return self._lane_of(delivery.event, _payload_of(delivery))

    def _lane_of(self, event: str, payload: Mapping[str, Any]) -> str | None:
        if event in WAKING:
            self._wake(about(event, payload))
            return None
        if event not in EVENTS:
            return None
        self._github.heard(payload)
        match self._trigger(event, payload):
            case None | LabelChanged() | ReviewRequested():
                return None
            case InstallationChanged(installation_id):
                return f"installation {installation_id}"
            case trigger:
                return f"repository {trigger.repository.id}"

    async def handle(self, delivery: Delivery) -> str:
        """Deal with a delivery; return what became of it, in a few words.

        Raises ``TransientError``: the delivery is to be tried again.
        """
        trigger = self._trigger(delivery.event, _payload_of(delivery))
        if trigger is None:
            return "ignored"
        with bound_contextvars(**_about(trigger)):
            return await self._act(trigger)

    async def tell(self, delivery: Delivery, words: str) -> None:
        """Tell whoever gave a command why it was not dealt with (*words*).

        Raises ``TransientError`` and ``PermanentError``.
        """
        written = self._trigger(delivery.event, _payload_of(delivery))
        if isinstance(written, CommentWritten) and self._may_speak(written):
            await self._give_up(_request_of(written), words)

    async def _give_up(self, request: Request, words: str) -> None:
        first = await self._batches.by_source(request.source)
        await self._replies.give_up(request, words, is_begun=first is not None)

    def _trigger(self, event: str, payload: Mapping[str, Any]) -> Trigger | None:
        return trigger_of(event, payload, app_login=self._policy.app_login)

    async def _act(self, trigger: Trigger) -> str:
        match trigger:
            case CommentWritten():
                return await self._comment(trigger)
            case BoxesTicked():
                return await self._boxes(trigger)
            case ItemChanged():
                await self._changes.item(trigger)
            case RepositoryChanged():
                await self._changes.repository(trigger)
            case InstallationChanged():
                await self._changes.installation(trigger)
            case LabelChanged() | ReviewRequested():
                return "ignored"
            case _:
                assert_never(trigger)
        return "noted"

    # --- comments ------------------------------------------------------------------

    async def _comment(self, written: CommentWritten) -> str:
        if not find_command_lines(written.body):
            return "ignored"
        if not self._may_speak(written):
            return f"ignored: {written.sender.login} may not command here"
        if self._clock.now() - written.created_at > IN_TIME:
            # Its repository may have another name by now, and its name another one.
            about, _ = await self._github.facts(written.repository, [])
            name = about.name or written.repository.name
            present = replace(written.repository, name=name)
            written = replace(written, repository=present)
        request = _request_of(written)
        if await self._replies.has_given_up(request):
            await self._give_up(request, "GitHub did not answer me for an hour")
            return "gave up"
        # A cancel does not wait until other changes let this one through.
        seen = asyncio.create_task(self._replies.react(request, Reaction.SEEN))
        try:
            return await self._heard(request, written)
        except asyncio.CancelledError:
            seen.cancel()
            raise
        finally:
            await asyncio.wait({seen})

    async def _heard(self, request: Request, written: CommentWritten) -> str:
        role = await self._role(request)
        if role is None or role < Role.TRIAGE:
            # Nothing is read for strangers, and they get no lesson in grammar.
            line = find_command_lines(written.body)[0]
            return await self._deny(
                request, _denied(Role.WRITE, role, "start a batch", line)
            )
        try:
            return await self._read(request, role, written.body)
        except PermanentError as error:
            log.warning("command failed", error=str(error))
            said = escape_prose(str(error))
            await self._replies.decline(request, f"{said} Nothing more was started.")
            return f"failed: {error}"

    async def _read(self, request: Request, role: Role, body: str) -> str:
        try:
            reading = await self._reader.read(request, body)
        except ConfigurationError as error:
            await self._replies.decline(request, escape_prose(str(error)))
            return "refused: .github/batch.yml"
        if reading is None:
            return "ignored"
        if isinstance(reading, Unreadable):
            begun = await self._batches.by_source(request.source)
            if begun is not None:  # before an action went away with a restart
                return await self._begun(request, begun)
            await self._replies.refuse(request, reading)
            return "refused: unreadable"
        for command in reading.commands:
            denied = _permission(command, role, reading)
            if denied is not None:
                return await self._deny(request, denied)
        if len(reading.commands) > 1:
            problem = await self._first_problem(request, reading)
            if problem is not None:
                await self._replies.refuse(request, problem)
                return "refused"
        outcomes = [
            await self._command(replace(request, part=part), command, reading, role)
            for part, command in enumerate(reading.commands)
        ]
        return ", ".join(outcomes)

    def _may_speak(self, written: CommentWritten | BoxesTicked) -> bool:
        if not self._policy.allows(written.repository.name):
            return False
        sender = written.sender
        return not sender.is_bot or sender.login.lower() in self._policy.allowed_bots

    async def _role(self, request: Request) -> Role | None:
        """Return the role at this moment; None if GitHub did not say, which means no."""
        try:
            return await self._github.role(request.repository, request.asker.login)
        except BotError as error:
            log.warning("role unknown", login=request.asker.login, error=str(error))
            return None

    async def _deny(self, request: Request, denied: NotPermitted) -> str:
        await self._replies.deny(request, denied)
        return "refused: role"

    async def _command(
        self,
        request: Request,
        command: Command,
        reading: Reading,
        role: Role | None,
    ) -> str:
        match command:
            case RunCommand():
                return await self._run(request, command, reading)
            case syntax.Plan(run):
                return await self._run(request, run, reading)
            case syntax.Help():
                await self._help(request, command)
                return "help"
            case _:
                assert role is not None  # a command without a role was denied
                return await self._controls.command(request, command, reading, role)

    async def _help(self, request: Request, asked: syntax.Help) -> None:
        budget = self._situations.budget(request.repository.installation_id)
        has_parts = asked.is_bare and not request.thread_is_pull_request
        suggestions = await self._reader.suggestions(request) if has_parts else ()
        await self._replies.say(
            request,
            "help",
            lambda first: render_help(
                asked.topic,
                marker=first,
                version=self._policy.version,
                budget=budget,
                web_url=self._face.web_url,
                missing=self._missing_actions(),
                suggestions=suggestions,
                lacks=self._github.lacks(request.repository),
            ),
        )

    def _missing_actions(self) -> frozenset[str]:
        """Return the built-in actions that this server cannot do to anything."""
        return frozenset(
            name
            for name, builtin in ACTIONS.items()
            if all(
                self._abilities.why_not(Action(name), kind)
                for kind in ItemKind
                if builtin.applies_to.includes(kind)
            )
        )

    # --- batches -------------------------------------------------------------------

    async def _run(self, request: Request, run: RunCommand, reading: Reading) -> str:
        before = await self._batches.by_source(request.source)
        if before is not None:  # delivered again, or a crash came between
            return await self._begun(request, before)
        # A line above may have taken some of the items meanwhile.
        known = await self._reader.with_live_items(request, reading.known)
        chosen = await self._choose(request, run, known)
        if not isinstance(chosen, _Chosen):
            await self._replies.refuse(request, chosen)
            return "refused"
        command = format_command(syntax.Plan(run) if run.is_dry_run else run)
        if (same := await self._just_started(request, command)) is not None:
            where = await self._reader.link(same.id)
            text = (
                f"You gave this command a moment ago: batch {where} is already there."
            )
            await self._replies.decline(request, f"{text} Nothing more was started.")
            return f"same as batch {same.id}"
        is_planned = run.is_dry_run or chosen.selection.must_confirm
        batch = await self._create(request, chosen, reading, command, is_planned)
        return await self._begun(request, batch)

    async def _first_problem(
        self, request: Request, reading: Reading
    ) -> Problem | None:
        """Return why one of several commands cannot start a batch: then none does."""
        lines = [format_command(command) for command in reading.commands]
        for part, command in enumerate(reading.commands):
            run = command.run if isinstance(command, syntax.Plan) else command
            if not isinstance(run, RunCommand) or await self._batches.by_source(
                replace(request, part=part).source
            ):
                continue
            problem = await self._choose(request, run, reading.known)
            if isinstance(problem, _Chosen):
                continue
            mended = [*lines[:part], problem.corrected, *lines[part + 1 :]]
            corrected = "\n".join(mended) if problem.corrected else ""
            if isinstance(problem, Declined):
                message = f"{code_span(lines[part])}: {problem.message}"
                return Declined(message, corrected)
            return replace(problem, corrected=corrected)
        return None

    async def _choose(
        self, request: Request, run: RunCommand, known: Known
    ) -> _Chosen | Refusable:
        """Return what a command comes to, or why it cannot be done as it stands."""
        selection = select(run, known)
        if not isinstance(selection, Selection):
            return selection
        planned = await self._plan(request, run, selection)
        if not isinstance(planned, tuple):
            return planned
        return _Chosen(selection, *planned)

    async def _plan(
        self, request: Request, run: RunCommand, selection: Selection
    ) -> tuple[Plan, Mapping[Reference, bool]] | CycleFound | Declined:
        plan = self._build(request, selection)
        if isinstance(plan, CycleFound):
            return replace(plan, corrected=self._acyclic(request, run, selection))
        wanted = list(dict.fromkeys(edge.predecessor for edge in plan.outside))
        if not wanted:
            return plan, {}
        facts = await self._reader.outside(request, wanted)
        unseen = [r for r in wanted if r not in facts]
        if unseen:
            return Declined(
                f"I cannot see {', '.join(code_span(str(r)) for r in unseen)}, so nothing"
                " could ever tell me that it is done. Leave it out, or install me there."
            )
        return settle_outside(plan, facts)

    def _build(self, request: Request, selection: Selection) -> Plan | CycleFound:
        return build_plan(
            selection,
            repository=request.repository,
            worker_of=self._abilities.worker_of,
        )

    def _acyclic(self, request: Request, run: RunCommand, selection: Selection) -> str:
        """Return the command with fewer sources of dependencies, if that helps."""
        for deps in (Deps.NATIVE, Deps.TYPED):
            options = replace(selection.options, deps=deps)
            fewer = replace(selection, options=options)
            if isinstance(self._build(request, fewer), Plan):
                given = replace(run.options, deps=deps)
                return format_command(replace(run, options=given))
        return ""

    async def _just_started(self, request: Request, command: str) -> Batch | None:
        recent = await self._batches.recent(
            request.repository.id, thread=request.thread, limit=5
        )
        since = self._clock.now() - SAME_COMMAND
        for summary in recent:
            batch = summary.batch
            is_same = (
                batch.command == command and batch.asker.login == request.asker.login
            )
            if is_same and batch.created_at >= since:
                return batch
        return None

    async def _create(
        self,
        request: Request,
        chosen: _Chosen,
        reading: Reading,
        command: str,
        is_planned: bool,  # noqa: FBT001  # named at the one call
    ) -> Batch:
        now = self._clock.now()
        facts = {
            item.id: fact
            for item in chosen.plan.items
            if (fact := reading.known.facts[item.number]) is not None
        }
        events: list[e.Event] = (
            [e.BatchPlanned(now, now + PLAN_VALID)]
            if is_planned
            else [e.BatchStarted(now, request.asker.login)]
        )
        events += [e.OutsideSettled(now, r, well) for r, well in chosen.settled.items()]
        batch = Batch(
            id=NAMELESS,
            request=request,
            default_branch=reading.about.default_branch,
            command=command,
            created_at=now,
            plan=chosen.plan,
            needed_role=needed_role(
                (item.action for item in chosen.plan.items),
                to_run=reading.configuration.permissions.role,
            ),
        )
        return await record_batch(self._batches, batch, facts, events)

    async def _begun(self, request: Request, batch: Batch) -> str:
        """Do what follows the record of a new batch; harmless to do again."""
        with bound_contextvars(batch=batch.id):
            return await self._show_begun(request, batch)

    async def _show_begun(self, request: Request, batch: Batch) -> str:
        progress = await self._situations.progress(batch.id)
        if progress.expires_at is not None and progress.started_at is None:
            situation = await self._situations.situation(progress)
            expectations = await self._batches.expectations()
            await self._replies.say(
                request,
                "plan",
                lambda first: render_plan(
                    progress, situation, expectations, marker=first
                ),
            )
            return f"plan {batch.id}"
        if not progress.is_concluded:
            await self._controls.begin(batch)
        return f"batch {batch.id}"

    # --- boxes ---------------------------------------------------------------------

    async def _boxes(self, edited: BoxesTicked) -> str:
        if not self._may_speak(edited):
            return f"ignored: {edited.sender.login} may not command here"
        return await self._controls.boxes(
            edited, ticked(edited.old_body, edited.new_body)
        )


def _about(trigger: Trigger) -> Mapping[str, object]:
    """Return what each line of the log says about a trigger."""
    match trigger:
        case CommentWritten(repository=repository, thread=thread):
            source = _request_of(trigger).reply
        case BoxesTicked(repository=repository, thread=thread):
            source = f"box:{trigger.comment_id}"
        case _:
            return {}
    return {"repository": repository.name, "thread": thread, "source": source}


def _payload_of(delivery: Delivery) -> Mapping[str, Any]:
    """Return the JSON object of a delivery that may matter, else an empty one."""
    if delivery.event not in EVENTS:
        return {}
    try:
        payload = json.loads(delivery.body)
    except (ValueError, RecursionError) as error:
        log.warning("delivery cannot be read", error=type(error).__name__)
        return {}
    return payload if isinstance(payload, dict) else {}


def _request_of(written: CommentWritten) -> Request:
    return Request(
        repository=written.repository,
        thread=written.thread,
        thread_is_pull_request=written.is_pull_request,
        asker=Asker(written.sender.login, written.url),
        origin=Comment(written.comment_id, written.kind, written.node_id),
    )


def _permission(
    command: Command, role: Role | None, reading: Reading
) -> NotPermitted | None:
    """Return why a command is not allowed to a person of this role, if so.

    Who may control a batch depends on who started it; ``Controls`` asks that.
    """
    needed, what = Role.TRIAGE, "ask me"
    setting = ""
    if isinstance(command, RunCommand | syntax.Plan):
        run = command.run if isinstance(command, syntax.Plan) else command
        needed, what = reading.configuration.permissions.role, "start a batch"
        if needed is not Role.WRITE:
            setting = f"permissions.run: {needed.name.lower()}"
        resolve = reading.configuration.resolve
        actions = [resolve(Action(name)).action for name in _actions_named(run)]
        if closing := sorted(a.name for a in actions if _is_for_maintainers(a)):
            needed, what = needed_role(actions, to_run=needed), closing[0]
    elif not isinstance(command, syntax.Help | syntax.Status | syntax.Why):
        needed, what = Role.WRITE, "control a batch"
    if role is not None and role >= needed:
        return None
    return _denied(needed, role, what, format_command(command), setting)


def _is_for_maintainers(action: Action) -> bool:
    spec = spec_of(action)
    return spec is not None and spec.role > Role.WRITE


def _actions_named(run: RunCommand) -> set[str]:
    terms = [
        term
        for word in run.words
        for term in (word.terms if isinstance(word, syntax.Group) else (word,))
    ]
    named = {term.action for term in terms if isinstance(term, syntax.Term)}
    return {name for name in named if name} | (
        {run.action.name} if run.action else set()
    )


def _denied(
    needed: Role, role: Role | None, what: str, command: str, setting: str = ""
) -> NotPermitted:
    return NotPermitted(
        needed=needed,
        had=role or Role.NONE,
        what=what,
        command=command,
        setting=setting,
        could_not_ask=role is None,
    )
