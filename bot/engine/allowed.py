"""Which commands a person of a role may give, and what they are told otherwise."""

from bot.core.actions.table import needed_role, spec_of
from bot.core.command import syntax
from bot.core.command.faults import NotPermitted
from bot.core.command.syntax import Command, RunCommand, format_command
from bot.core.model import Action, Role
from bot.core.say import refusals
from bot.core.world.markdown import join
from bot.engine.reading import Reading


def not_permitted(
    command: Command, role: Role | None, reading: Reading
) -> NotPermitted | None:
    """Return why a command is not allowed to a person of this role, if so.

    Who may control a batch depends on who started it; ``Controls`` asks that.
    """
    needed, what = Role.TRIAGE, refusals.ASK
    setting = ""
    if isinstance(command, RunCommand | syntax.Plan):
        run = command.run if isinstance(command, syntax.Plan) else command
        needed, what = reading.configuration.permissions.role, refusals.START
        if needed is not Role.WRITE:
            setting = f"permissions.run: {needed.name.lower()}"
        resolve = reading.configuration.resolve
        actions = [resolve(Action(name)).action for name in _actions_named(run)]
        if closing := sorted({a.name for a in actions if _is_for_maintainers(a)}):
            needed, what = needed_role(actions, to_run=needed), join(closing)
    elif isinstance(command, syntax.Freeze | syntax.Unfreeze):
        needed, what = Role.MAINTAIN, refusals.FREEZE
    elif not isinstance(command, syntax.Help | syntax.Status | syntax.Why):
        needed, what = Role.WRITE, refusals.CONTROL
    if role is not None and role >= needed:
        return None
    return denied_for(needed, role, what, format_command(command), setting)


def may_give(reading: Reading, role: Role) -> bool:
    """Return whether every command of a comment is allowed to a person of this role."""
    return all(not_permitted(one, role, reading) is None for one in reading.commands)


def denied_for(
    needed: Role, role: Role | None, what: str, command: str, setting: str = ""
) -> NotPermitted:
    """Return what is told to whoever has less than *needed*; None: nobody could say."""
    return NotPermitted(
        needed=needed,
        had=role or Role.NONE,
        what=what,
        command=command,
        setting=setting,
        could_not_ask=role is None,
    )


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
