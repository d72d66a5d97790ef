"""What stands in comments, as it is read in a terminal or by programs."""

import re
from collections.abc import Mapping
from datetime import datetime
from html import unescape
from typing import Any

from bot.core.model import BatchState, attempt_id
from bot.core.run.progress import ItemView, Progress
from bot.core.say.names import Names, names_of
from bot.core.say.pictures import squares
from bot.core.say.situation import Situation
from bot.core.say.status import state_words, where_it_stands

_LINK = re.compile(r"(?<!\\)\[((?:[^\]\\]|\\.)*)\]\([^)]*\)")
_HIDDEN = re.compile(r"<!--.*?-->|</?(?:code|details|sub)>", re.DOTALL)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)
_DIAGRAM = re.compile(
    r"<details><summary>[^<]*</summary>\s*```mermaid.*?</details>\s*", re.S
)
_BOX = re.compile(r"^- \[ \] <!--.*$\n?", re.MULTILINE)


def plain(markdown: str) -> str:
    """Return a line of a comment as it is read in a terminal."""
    text = _LINK.sub(r"\1", _HIDDEN.sub("", markdown)).replace("&nbsp;", " ")
    text = re.sub(r"(?<!\\)[*`\u2060]|^#+ ", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\([!-/:-@[-`{-~])", r"\1", text)
    return unescape(text).strip()


def unlinked(markdown: str) -> str:
    """Return a comment without links, boxes, diagrams and what does not show."""
    text = _BOX.sub("", _DIAGRAM.sub("", markdown))
    text = _LINK.sub(r"\1", _HIDDEN.sub("", text)).replace("\u2060", "")
    return _SUMMARY.sub(r"\n**\1**\n", text)


def row_of(progress: Progress, situation: Situation) -> Mapping[str, Any]:
    """Return a batch as a list of batches has it, in values of JSON."""
    batch = progress.batch
    return {
        "id": batch.id,
        "state": str(progress.state),
        "words": plain(state_words(progress, situation)),
        "repository": batch.repository.name,
        "thread": batch.thread,
        "asked_by": batch.asker.login,
        "created_at": _instant(batch.created_at),
        "finished": progress.finished,
        "total": len(progress.items),
        "picture": squares(progress, 10),
        "url": progress.tracking_url,
    }


def document_of(progress: Progress, situation: Situation) -> Mapping[str, Any]:
    """Return all that is known of a batch, in values of JSON."""
    batch = progress.batch
    names = names_of(progress)
    return {
        **row_of(progress, situation),
        "command": batch.command,
        "started_at": _instant(progress.started_at),
        "ended_at": _instant(progress.ended_at),
        "is_over": progress.state in (BatchState.FINISHED, BatchState.CANCELLED),
        "seconds_left": situation.seconds_left,
        "requests": situation.used_requests,
        "report_url": progress.report_url,
        "retried_as": progress.retried_as or "",
        "items": [
            _item(view, progress, names, situation) for view in progress.items.values()
        ],
    }


def _item(
    view: ItemView, progress: Progress, names: Names, situation: Situation
) -> Mapping[str, Any]:
    plan, item = progress.batch.plan, view.item
    attempt = attempt_id(progress.batch.id, item.id, view.attempt)
    return {
        "id": item.id,
        "name": names.text(item.id),
        "title": item.title,
        "action": item.action.name,
        "state": str(view.state),
        "words": plain(where_it_stands(view, names, situation)),
        "waits_for": [
            *(edge.predecessor for edge in plan.edges if edge.successor == item.id),
            *(str(o.predecessor) for o in plan.outside if o.successor == item.id),
        ],
        "attempt": attempt if view.attempt else "",
        "started_at": _instant(view.started_at),
        "ended_at": _instant(view.ended_at),
        "requests": view.requests,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
