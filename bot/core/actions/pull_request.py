"""The pull request that shows what a command made of an issue."""

import re

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core.actions.bases import Fate, Footing
from bot.core.actions.commanded import command_of
from bot.core.actions.step import Job
from bot.core.effects import OpenPullRequest, Receipt
from bot.core.model import CommandResult
from bot.core.world.markdown import (
    Links,
    code_span,
    cut,
    disarm,
    escape_line,
    escape_prose,
    join,
    link,
    paragraphs,
    plural,
)

RESULT_FILE = "result.json"
TITLE_LENGTH = 120
SUMMARY_LINES = 20
SUMMARY_LINE_LENGTH = 500
MOST_LEFT_OUT = 10

_JOINER = "\u2060"
_LIVE = re.compile(r"[@#]|\bgh-(?=\d)|:(?=//)", re.IGNORECASE)


class Result(BaseModel):
    """What a command may write into ``result.json``."""

    model_config = ConfigDict(strict=True)

    title: str = ""
    summary: str = ""


def pull_request(
    job: Job, ground: Footing, head: str, result: CommandResult, pushed: Receipt
) -> OpenPullRequest:
    """Return the draft that is opened for what a command changed."""
    said, fault = _said(result)
    return OpenPullRequest(
        job.repository,
        head_branch=head,
        head_sha=pushed.head_sha,
        base_branch=result.base or ground.base,
        title=_title(job, said),
        body=_body(job, ground, result, said, fault, unverified=pushed.note),
    )


def summary_of(result: CommandResult) -> str:
    """Return what the command says of its work, in one line."""
    said, _ = _said(result)
    return cut(_one_line(said.summary), SUMMARY_LINE_LENGTH)


def _said(result: CommandResult) -> tuple[Result, str]:
    """Return what the command says of its work, and why that could not be read.

    A faulty file is no reason to throw the work away.
    """
    text = result.outputs.get(RESULT_FILE, "")
    if not text.strip():
        return Result(), ""
    try:
        return Result.model_validate_json(text), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Result(), f"{where}: {first['msg']}" if where else first["msg"]


def _title(job: Job, said: Result) -> str:
    """Return a title that stays harmless as the message of a squashed commit."""
    own = f"{command_of(job).capitalize()} #{job.item.number}"
    return harmless_title(said.title) or own


def harmless_title(text: str) -> str:
    """Return words of others as a title that mentions and closes nothing."""
    title = cut(_one_line(text), TITLE_LENGTH)
    return _LIVE.sub(rf"\g<0>{_JOINER}", disarm(title))


def _body(
    job: Job,
    ground: Footing,
    result: CommandResult,
    said: Result,
    fault: str,
    *,
    unverified: str,
) -> str:
    links = Links.beside(job.repository.name, job.asker.url)
    made = (
        f"Made by the command {code_span(command_of(job))} "
        f"for {links.item(job.item.number)} in batch `{job.batch_id}`, as "
        f"{escape_line(job.asker.login)} asked"
    )
    size = f"{_files(result)}, +{result.insertions} -{result.deletions}"
    left_out = join([code_span(one, 80) for one in result.left_out[:MOST_LEFT_OUT]])
    more = len(result.left_out) - MOST_LEFT_OUT
    left_out += f" and {more} more" if more > 0 else ""
    unfiltered = join([code_span(one, 80) for one in result.unfiltered[:MOST_LEFT_OUT]])
    not_used = f"`{RESULT_FILE}` was not used: {escape_line(fault, 200)}"
    isolated = f" · isolation: {escape_line(result.isolation)}"
    isolation = isolated if result.isolation else ""
    return paragraphs(
        f"Closes #{job.item.number}",
        *(escape_prose(line) for line in _lines(said.summary)),
        _stacked(ground, result, links),
        _moved(ground, result, links),
        _beside(ground, links),
        not_used if fault else "",
        f"GitHub did not verify the commit, as a rule wants it: {code_span(unverified)}."
        if unverified
        else "",
        f"Left out: {left_out}." if left_out else "",
        f"Kept as they are, for want of their filter: {unfiltered}."
        if unfiltered
        else "",
        f"<sub>{made}{isolation} · {size}</sub>",
        # Last, for a comment in it that nobody closes hides all that follows.
        result.template,
    )


def _stacked(ground: Footing, result: CommandResult, links: Links) -> str:
    """Return what has to be merged first."""
    before = ground.unmerged
    base = result.base or ground.base
    if not before and base != ground.default_branch:
        below = join([links.item(fate.number) for fate in ground.fates])
        return f"On the branch {code_span(base)}, which has the work for {below}."
    if not before:
        return ""
    is_one = len(before) == 1
    names = join([_named(fate, links) for fate in before])
    branches = f"the {'branch' if is_one else 'branches'} of {names}"
    first = "merge that one first" if is_one else "merge those first"
    verb = "Contains" if base == ground.default_branch else "Stacked on"
    closed = [f"{f.says} ({links.item(f.number)})" for f in before if f.is_closed]
    reopen = f" {join(closed)}: another one is needed." if closed else ""
    return f"{verb} {branches}: {first}.{reopen}"


def _named(fate: Fate, links: Links) -> str:
    """Return a link to the pull request to be merged; to its issue while there is none."""
    if fate.pull is None:
        return links.item(fate.number)
    return link(f"#{fate.pull.number}", fate.pull.url)


def _moved(ground: Footing, result: CommandResult, links: Links) -> str:
    """Return what came of the work because its base became another one."""
    if not result.moved_from:
        return ""
    changed = [f for f in ground.fates if f.branch in result.moved_from and f.says]
    why = join([f"{f.says} ({links.item(f.number)})" for f in changed])
    onto = code_span(result.base)
    meanwhile = f"While this was made, {why or 'its base became another one'}:"
    if result.stuck:
        stuck = escape_line(result.stuck, 300)
        return f"{meanwhile} it could not be moved onto {onto}, for {stuck}."
    without = join([links.item(f.number) for f in changed if not f.where])
    return f"{meanwhile} it was moved onto {onto}{without and f', without {without}'}."


def _beside(ground: Footing, links: Links) -> str:
    if not ground.others:
        return ""
    shown = join([links.item(pull.number) for pull in ground.others])
    return f"Beside {shown}, open for the same issue."


def _files(result: CommandResult) -> str:
    """Return how many files were changed, and how."""
    changed = result.files - result.added - result.removed
    kinds = [
        f"{count} {word}"
        for count, word in (
            (result.added, "added"),
            (changed, "changed"),
            (result.removed, "removed"),
        )
        if count
    ]
    is_plain = changed == result.files
    return plural(result.files, "file") + ("" if is_plain else f" ({', '.join(kinds)})")


def _lines(text: str) -> list[str]:
    lines = [cut(_one_line(line), SUMMARY_LINE_LENGTH) for line in text.splitlines()]
    kept = [line for line in lines if line]
    return [*kept[:SUMMARY_LINES], *(["…"] if len(kept) > SUMMARY_LINES else [])]


def _one_line(text: str) -> str:
    """Return without control and invisible characters, which a title would show."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
