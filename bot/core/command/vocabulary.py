"""Every word of the command language; the parser, help and README are made from it."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from bot.core.actions.table import ACTIONS

FILTERS = (
    *("label", "milestone", "author", "assignee"),
    *("is", "no", "base", "draft", "review"),
)
FILTER_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "is": ("issue", "pr", "draft", "open"),
        "no": ("label", "milestone", "assignee"),
        "draft": ("true", "false"),
        "review": ("approved", "changes-requested", "none"),
    }
)
"""What can stand behind a filter that has words of its own."""

SEARCH_WORDS = frozenset(
    (
        *(
            "archived",
            "closed",
            "commenter",
            "comments",
            "created",
            "has",
            "head",
            "in",
        ),
        *(
            "interactions",
            "involves",
            "language",
            "linked",
            "mentions",
            "merged",
            "org",
        ),
        *("parent-issue", "project", "reactions", "reason", "repo", "review-requested"),
        *("reviewed-by", "sha", "sort", "state", "status", "team", "type", "updated"),
        *("team-mentions", "team-review-requested", "user", "user-review-requested"),
    )
)
"""Words of GitHub's search that are no filter here."""

COLLECTIONS = ("sub-issues", "tasks")
ITEM_OPTIONS = ("priority", "timeout", "retries", "method", "update", "update-method")
BATCH_OPTIONS = (
    "concurrency",
    "on-failure",
    *ITEM_OPTIONS,
    "budget",
    "deps",
    "start-at",
)
CONTROLS = (
    "plan",
    "status",
    "why",
    "start",
    "cancel",
    "pause",
    "resume",
    "retry",
    "undo",
    "skip",
    "add",
    "priority",
    "concurrency",
    "freeze",
    "unfreeze",
    "help",
)
TOPICS = ("items", "options", "labels", "config")
HELP_WORDS = (
    *TOPICS,
    *CONTROLS,
    *ACTIONS,
    *BATCH_OPTIONS,
    *FILTERS,
    *COLLECTIONS,
    *("after", "again", "dry-run", "this"),
)
"""What help can be asked on, besides a repository's own actions."""

PRIORITIES: Mapping[str, int] = MappingProxyType({"high": 80, "normal": 50, "low": 20})

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("stop", "abort", "kill", "halt", "terminate"), "cancel"),
        **dict.fromkeys(("rerun", "re-run", "restart", "again", "redo"), "retry"),
        **dict.fromkeys(("unpause", "continue", "go", "proceed"), "resume"),
        **dict.fromkeys(("hold", "suspend", "wait"), "pause"),
        **dict.fromkeys(("list", "ls", "show", "state", "stat", "progress"), "status"),
        **dict.fromkeys(("preview", "simulate", "dryrun", "dry_run"), "plan"),
        **dict.fromkeys(("begin", "launch"), "start"),
        **dict.fromkeys(("explain", "reason"), "why"),
        **dict.fromkeys(("ignore", "omit"), "skip"),
        "thaw": "unfreeze",
        "prio": "priority",
        **dict.fromkeys(("revert", "rollback", "takeback"), "undo"),
        **dict.fromkeys(("?", "-h", "-?", "--help", "usage", "man"), "help"),
        **dict.fromkeys(("version", "--version", "about"), "help"),
        **dict.fromkeys(("rebase", "sync", "update-branch"), "update"),
        **dict.fromkeys(("run", "do", "fix", "solve", "build"), "implement"),
        **dict.fromkeys(("land", "ship"), "merge"),
        **dict.fromkeys(("tag", "labels"), "label"),
        **dict.fromkeys(("say", "reply"), "comment"),
        **dict.fromkeys(("shut", "resolve"), "close"),
        **dict.fromkeys(("unclose", "open"), "reopen"),
        **dict.fromkeys(("undraft", "unwip", "ready-for-review"), "ready"),
        **dict.fromkeys(("reviewer", "reviewers", "request-review"), "request"),
        **dict.fromkeys(("milestones", "set-milestone"), "milestone"),
    }
)
"""What people type elsewhere for a word of this language."""

OPTION_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("parallel", "parallelism", "max-parallel"), "concurrency"),
        **dict.fromkeys(("jobs", "workers", "threads", "slots"), "concurrency"),
        **dict.fromkeys(("max-retries", "retry"), "retries"),
        **dict.fromkeys(("time-out", "time-limit", "max-time"), "timeout"),
        **dict.fromkeys(("on-error", "on-fail"), "on-failure"),
        "prio": "priority",
        **dict.fromkeys(("merge-method", "merge-strategy"), "method"),
        "dependencies": "deps",
        **dict.fromkeys(("startat", "starts-at", "at", "begin-at"), "start-at"),
        **dict.fromkeys(("schedule-at", "not-before"), "start-at"),
        **dict.fromkeys(("depends-on", "depends", "needs", "requires"), "after"),
        **dict.fromkeys(("blocked-by", "wait-for", "waits-for"), "after"),
        **dict.fromkeys(("children", "parent", "epic", "subtasks"), "sub-issues"),
        **dict.fromkeys(("checklist", "tasklist", "todo", "todos"), "tasks"),
    }
)
"""What other programs call an option of this language."""

TOPIC_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("dependencies", "depends", "order"), "after"),
        **dict.fromkeys(("filters", "filter", "selectors", "actions"), "items"),
        **dict.fromkeys(("commands", "examples", "overview", "?"), "help"),
        **dict.fromkeys(
            ("configuration", "settings", "permissions", "schedule", "schedules"),
            "config",
        ),
        "squash": "method",
    }
)
"""What people ask for help on, and the topic that has it."""

COURTESY = frozenset(
    ("please", "pls", "plz", "thanks", "thx", "ty", "cheers", "now", "kindly")
)
"""Words that add nothing to a command."""

STRANGERS: Mapping[str, str] = MappingProxyType(
    {
        "unlabel": "labels are taken off with label -bug 12",
        "untag": "labels are taken off with label -bug 12",
        "unassign": "people are taken off with assign -ada 12",
        "unrequest": "requests are taken back with request -ada 12",
        "demilestone": "a milestone is taken off with milestone none 12",
        "squash": "to merge so, write merge 63 method:squash",
        "unready": "a draft is made with draft 12",
        "remove": "labels are taken off with label -bug 12, people with assign -ada 12",
        **dict.fromkeys(
            (
                *("approve", "archive", "clone", "commit", "copy", "create", "delete"),
                *("deploy", "edit", "fork", "lock", "lose", "move", "pin", "pull"),
                *("push", "release", "rename", "subscribe"),
                *("retest", "transfer", "unlock", "unmerge", "unpin", "unreview"),
                *("unskip",),
                *("cancer", "chose", "content", "drift", "parse", "patch", "plain"),
                *("plane", "plant", "read", "retro", "smart", "star", "statue"),
            ),
            "this is nothing that a batch can do",
        ),
    }
)
"""Words that are close to one of the language and mean something else."""

FLAGS = frozenset(
    {
        *BATCH_OPTIONS,
        *("dry-run", "dry", "plan", "preview", "simulate", "no-op", "noop", "after"),
        *(
            "again",
            "all",
            "confirm",
            "debug",
            "force",
            "help",
            "parallel",
            "quiet",
            "verbose",
        ),
        *("version", "wait", "yes"),
    }
)
"""What stands behind dashes in other programs: here it is never an argument."""

YIELDING = frozenset(("add", "freeze", "unfreeze", "undo"))
"""Controls that came later than actions of that name may have: those go before."""

_OPTIONS = frozenset(BATCH_OPTIONS) - ACTIONS.keys()  # ``update:63`` is an action
RESERVED = frozenset(
    (
        *(*FILTERS, *COLLECTIONS, *_OPTIONS, *(set(CONTROLS) - YIELDING)),
        *("after", "and", "this"),
    )
) | {"again", "dry-run", "http", "https"}
"""Names that an action of a repository cannot have: they mean something else."""


def in_words(choices: Collection[str], *, last: str = "or") -> str:
    """Return ``a, b or c``."""
    *first, end = choices
    return f"{', '.join(first)} {last} {end}" if first else end
