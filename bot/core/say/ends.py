"""How attempts end that nobody but the engine can end, in words."""

from bot.core.actions.step import Await, Job
from bot.core.durations import spell_option
from bot.core.model import Cause, Outcome, OutcomeKind, Role
from bot.core.plan.configuration import PATH
from bot.core.plan.keys import SHOWN_IN
from bot.core.say.sentences import what_happened
from bot.core.world.markdown import prose_code


def unknown(what: str, name: str) -> Outcome:
    """Return the end of an item that needs an action or worker that is gone."""
    return Outcome(
        OutcomeKind.FAILED,
        reason=f"this server has no {what} {prose_code(name)} any more",
        advice="Its operator can bring it back; then retry the item.",
        retry_helps=True,
    )


def superseded() -> Outcome:
    """Return the end of an attempt whose result counts no more."""
    return Outcome(OutcomeKind.FAILED, reason="superseded")


def by_a_bug(error: Exception) -> Outcome:
    """Return the end of an attempt by an error that nobody expected."""
    return Outcome(
        OutcomeKind.FAILED,
        reason=f"internal error: {type(error).__name__}",
        advice="This is a bug in the bot; its log has the details.",
        retry_helps=True,
    )


def role_unknown(login: str) -> Outcome:
    """Return the end before an effect that needs a role that nobody can tell."""
    return Outcome(
        OutcomeKind.FAILED,
        reason=f"GitHub did not tell which access {login} has now",
        advice="Retry the item.",
    )


def role_lost(login: str, role: Role, needed: Role) -> Outcome:
    """Return the end before an effect that needs more than the role of *login*."""
    wanted = needed.name.lower()
    return Outcome(
        OutcomeKind.FAILED,
        reason=f"{login} has {role.name.lower()} access now, not {wanted}",
        advice=f"Somebody with {wanted} access can give the command again.",
    )


def with_repository(name: str, cause: Cause, *, starter: str, home: str) -> Outcome:
    """Return the end of an item whose repository the batch can do nothing in any more,
    though it goes on elsewhere; *starter* is who started it, *home* where it is shown.
    """
    advice = "Once that has changed, retry it."
    if cause is Cause.HIDDEN:
        advice = (
            f"It takes `{SHOWN_IN}: [{home}]` in its `{PATH}`, and a home that is no more"
            " public than it; then retry it."
        )
    happened = what_happened(cause, name, starter)
    if cause is Cause.ROLE_LOST:
        happened = f"{starter} has no longer the access to {name} that it takes"
    return Outcome(
        OutcomeKind.FAILED,
        reason=happened,
        advice=advice,
        retry_helps=True,
        is_of_repository=True,
    )


def waited_in_vain(job: Job, step: Await) -> Outcome:
    """Return the end of a wait whose time is over."""
    if step.gives_up_at is not None:
        reason = f"gave up waiting for {step.says}"
    else:
        spent = spell_option(job.item.timeout_seconds)
        reason = f"timed out after {spent}, waiting for {step.says}"
    return Outcome(
        OutcomeKind.FAILED,
        reason=reason,
        advice="See what keeps it, or give it more time with `timeout:`.",
        retry_helps=True,
    )
