"""Which commands a person of a role may give, and what they are told otherwise."""

from dataclasses import replace

from bot.core.command import syntax
from bot.core.command.faults import NotPermitted
from bot.core.command.syntax import Command, RunCommand, format_command
from bot.core.model import Action, Permit, Role
from bot.core.say import refusals
from bot.core.world.markdown import join
from bot.engine.reading import Reading


def not_permitted(
    command: Command, role: Role | None, reading: Reading
) -> NotPermitted | None:
    """Return why a command is not allowed to a person of this role, if so.

    Who may control a batch, or start a plan, depends on whose it is and what it does:
    ``Controls`` and ``Starts`` ask that.
    """
    needed, what, setting = Role.TRIAGE, refusals.ASK, ""
    if isinstance(command, RunCommand | syntax.Plan | syntax.Add):
        return _not_permitted_to_run(command, role, reading)
    if isinstance(command, syntax.Freeze | syntax.Unfreeze):
        needed, what = Role.MAINTAIN, refusals.FREEZE
    if role is not None and role >= needed:
        return None
    return denied_for(needed, role, what, format_command(command), setting)


def permits_of(
    command: RunCommand | syntax.Plan | syntax.Add, reading: Reading
) -> list[tuple[str, Permit]]:
    """Return what a command takes, with the name of the action that takes it: empty, if
    that is what starting any batch takes.
    """
    run = command if isinstance(command, RunCommand) else command.run
    configuration = reading.configuration
    start = configuration.permissions.run
    found = {"": start}
    names = _actions_named(run, home=reading.known.repository)
    for name in sorted(names):
        permit = configuration.permit(configuration.resolve(Action(name)).action)
        if permit != start:
            found[name] = permit
    if names and all(name in found for name in names):
        del found[""]
    return list(found.items())


def _not_permitted_to_run(
    command: RunCommand | syntax.Plan | syntax.Add,
    role: Role | None,
    reading: Reading,
) -> NotPermitted | None:
    short = [
        (name, permit)
        for name, permit in permits_of(command, reading)
        if role is None or role < permit.role
    ]
    if not short:
        return None
    needed = max(permit.role for _, permit in short)
    named = [name for name, _ in short if name]
    what = join(named) if named else refusals.START
    key = named[0] if len(named) == 1 else "" if named else "run"
    permit = dict(short).get(key if named else "")
    permissions = reading.configuration.permissions
    is_set = key in permissions.named or (key == "run" and needed is not Role.WRITE)
    setting = f"permissions.{key}: {spelled(permit)}" if is_set and permit else ""
    denied = denied_for(needed, role, what, format_command(command), setting)
    return replace(denied, teams=permit.teams if permit is not None else ())


def spelled(permit: Permit) -> str:
    """Return a permission as it is written in the configuration."""
    words = [f"team:{team}" for team in permit.teams]
    if not words or permit.role is not Role.ADMIN:
        words.insert(0, permit.role.name.lower())
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


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


def _actions_named(run: RunCommand, *, home: str) -> set[str]:
    """Return the actions that are named for items of the command's own repository."""
    terms = [
        term
        for word in run.words
        for term in (word.terms if isinstance(word, syntax.Group) else (word,))
        if isinstance(term, syntax.Term) and not _is_elsewhere(term, home)
    ]
    named = {term.action or (run.action.name if run.action else "") for term in terms}
    return {name for name in named if name}


def _is_elsewhere(term: syntax.Term, home: str) -> bool:
    """Return whether an item is of another repository, which has permissions of its own."""
    name: syntax.Selector = term.selector
    if isinstance(name, syntax.SubIssues | syntax.Tasks):
        name = name.parent
    if isinstance(name, syntax.Range):
        return name.repository.casefold() not in ("", home.casefold())
    if not isinstance(name, syntax.Qualified):
        return False
    return name.reference.repository.casefold() != home.casefold()
