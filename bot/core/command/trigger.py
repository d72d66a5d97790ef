"""A delivery turned into the reason to act, or into None.

Deliveries are signed, yet their shape is GitHub's: whatever is missing or of another
type makes a delivery one that says nothing to the bot. Webhook events and their fields:
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from bot.core.command.lines import addressed_lines, may_hold_command
from bot.core.model import (
    BatchId,
    CommentKind,
    InstallationId,
    ItemNumber,
    Repository,
    is_work,
)
from bot.core.world.questions import about_commit, about_pull_request
from bot.core.world.references import is_repository_name
from bot.core.world.runs import about_jobs, about_run


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did it. Bots may command only if the settings allow their login."""

    login: str
    is_bot: bool


@dataclass(frozen=True, slots=True)
class CommentWritten:
    """Somebody wrote a comment with what may be a command, or spoke to the bot by name."""

    repository: Repository
    thread: ItemNumber
    is_pull_request: bool
    kind: CommentKind
    comment_id: int
    body: str
    url: str
    sender: Sender
    created_at: datetime
    node_id: str = ""  # GraphQL's name for the comment
    # What was said to the bot by name, as commands; such a comment holds none.
    addressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoxesTicked:
    """Somebody else edited one of the app's own comments."""

    repository: Repository
    thread: ItemNumber
    comment_id: int
    old_body: str
    new_body: str
    sender: Sender


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """Somebody pressed a button of one of the app's own check runs; without a name it is
    GitHub's own, which has it run again.
    """

    repository: Repository
    check_run_id: int
    external_id: str
    button: str
    sender: Sender


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """An issue or pull request was closed, reopened, pushed to, unlocked or taken away.

    Deliveries come late and out of order: what counts is how GitHub says it is now.
    """

    repository: Repository
    number: ItemNumber
    is_taken_away: bool = False  # deleted, or moved to another repository


@dataclass(frozen=True, slots=True)
class LabelChanged:
    """A label was put on an item, or taken off, by somebody else than the app."""

    repository: Repository
    number: ItemNumber
    name: str  # empty if it was taken off everywhere: there is no such label any more
    is_added: bool
    sender: Sender
    url: str  # of the item
    at: datetime  # to the second


@dataclass(frozen=True, slots=True)
class ReviewRequested:
    """A review was asked for, or that was taken back; or what may ask for one happened
    to a pull request, as GitHub calls it.
    """

    repository: Repository
    number: ItemNumber
    name: str  # user:login or team:slug; opened or ready_for_review
    is_added: bool
    sender: Sender
    url: str  # of the pull request
    at: datetime  # to the second


Marking = LabelChanged | ReviewRequested
"""What begins a batch without a command, or takes that back."""


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """The app was installed, suspended, removed, or sees other repositories now."""

    installation_id: InstallationId
    repositories: tuple[Repository, ...] = ()  # added or removed; else all, if named


@dataclass(frozen=True, slots=True)
class RepositoryChanged:
    """A repository has another name, owner, default branch or other readers, or takes no
    changes, or does again.
    """

    repository: Repository  # with its present name


@dataclass(frozen=True, slots=True)
class ConfigurationPushed:
    """A push to the default branch, or of the bot's own work, changed
    ``.github/batch.yml``, or a pull request (*number*) has a head that may change it.
    """

    repository: Repository
    sha: str
    number: ItemNumber | None = None
    base_sha: str = ""  # whose file is no change
    updated_from: str = ""  # the head that the app itself brought up to date
    is_from_fork: bool = False
    pusher: Sender | None = None  # who pushed it to the default branch


@dataclass(frozen=True, slots=True)
class OperatorWished:
    """The operator of this server asked for a control from its command line, or somebody
    who had signed in at a page of the bot.
    """

    repository: Repository
    batch_id: BatchId
    command: str  # as in a comment
    wish: str  # tells it from every other one
    form: str = ""  # of a page; empty: typed in a terminal
    by_login: str = ""  # who signed in; empty: the operator
    by_id: int = 0  # of the account, which the login may not be of any more


@dataclass(frozen=True, slots=True)
class ScheduleDue:
    """A schedule of a repository is due."""

    repository: Repository
    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StartDue:
    """The time has come at which a batch starts by itself."""

    repository: Repository
    batch_id: BatchId


Trigger = (
    CommentWritten
    | BoxesTicked
    | ButtonPressed
    | ItemChanged
    | LabelChanged
    | ReviewRequested
    | InstallationChanged
    | RepositoryChanged
    | OperatorWished
    | ScheduleDue
    | StartDue
)


EVENTS = frozenset(
    {
        "issue_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "issues",
        "pull_request",
        "check_run",
        "installation",
        "installation_repositories",
        "repository",
        "push",
    }
)
"""The events that can be a reason to act; the app is subscribed to these."""

OPERATOR_EVENT = "operator"
"""What is kept like a delivery and is none: it never comes from outside, and
``may_matter`` says so.
"""

SCHEDULE_EVENT = "schedule"
"""The same, of what the clock asks for."""

START_EVENT = "start"
"""The same, of a batch that starts by itself."""

OWN_EVENTS = frozenset({OPERATOR_EVENT, SCHEDULE_EVENT, START_EVENT})
"""What is kept like deliveries and never comes from outside."""

WAKING = frozenset(
    {
        "check_run",
        "check_suite",
        "status",
        "pull_request_review_thread",
        "workflow_job",
        "workflow_run",
    }
)
"""Events that tell of what an attempt may wait for. Nothing of them is kept."""

_PRESSES = ("requested_action", "rerequested")
"""The news of check runs that can be a reason to act."""

_OF_PULL_REQUESTS = frozenset(
    {"pull_request", "pull_request_review", "pull_request_review_thread"}
)

CONFIGURATION_PATH = ".github/batch.yml"

_COMMITS_OF_A_PUSH = 2048
"""The most that a delivery lists. Nor does it list what a forced push took back."""

_CHANGES_OF_ISSUES = ("closed", "reopened", "unlocked", "deleted", "transferred")
_CHANGES_OF_PULL_REQUESTS = ("closed", "reopened", "unlocked", "synchronize")
_CHANGES_OF_REPOSITORIES = (
    "renamed",
    "transferred",
    "archived",
    "unarchived",
    "deleted",
    "privatized",
    "publicized",
)


def may_matter(event: str, action: object) -> bool:
    """Return whether deliveries of this kind are kept: they can be a reason to act."""
    return event in EVENTS and (event not in WAKING or action in _PRESSES)


def trigger_of(
    event: str, payload: Mapping[str, Any], *, app_login: str
) -> Trigger | None:
    """Return why a delivery makes the bot act, or None. Never raises.

    *event* is the ``X-GitHub-Event`` header; *app_login* is the app's own login, with
    or without ``[bot]``.
    """
    json = _Json(payload)
    action = json.text("action")
    own_login = _own(app_login)
    try:
        match event, action:
            case "issue_comment", "created":
                return _issue_comment(json, own_login)
            case "issue_comment", "edited":
                return _boxes(json, own_login)
            case "pull_request_review", "submitted":
                return _review(json, own_login)
            case "pull_request_review_comment", "created":
                return _review_comment(json, own_login)
            case "issues" | "pull_request", "labeled" | "unlabeled":
                return _label(json, event, own_login, is_added=action == "labeled")
            case "issues", _ if action in _CHANGES_OF_ISSUES:
                is_taken_away = action in ("deleted", "transferred")
                number = _item(json, "issue")
                return ItemChanged(_repository(json), number, is_taken_away)
            case "pull_request", "review_requested" | "review_request_removed":
                is_added = action == "review_requested"
                name = _reviewer(json)
                return _review_request(json, own_login, name, is_added=is_added)
            case "pull_request", "opened" | "ready_for_review":
                return _review_request(json, own_login, action, is_added=True)
            case "pull_request", _ if action in _CHANGES_OF_PULL_REQUESTS:
                return ItemChanged(_repository(json), _item(json, "pull_request"))
            case "check_run", _ if action in _PRESSES:
                return _button(json, own_login)
            case "installation" | "installation_repositories", _:
                return _installation(json, action)
            case "repository", _ if action in _CHANGES_OF_REPOSITORIES:
                return RepositoryChanged(_repository(json))
            case "repository", "edited" if json.at("changes", "default_branch"):
                return RepositoryChanged(_repository(json))
            case event, _ if event == OPERATOR_EVENT:
                return _wished(json)
            case event, _ if event == SCHEDULE_EVENT:
                return _due(json)
            case event, _ if event == START_EVENT:
                batch_id = BatchId(json.needed_text("batch"))
                return StartDue(_repository(json), batch_id)
            case _:
                return None
    except ValueError:
        return None


def configuration_pushed(
    event: str, payload: Mapping[str, Any], *, app_login: str
) -> ConfigurationPushed | None:
    """Return what has to be looked at for changes of ``.github/batch.yml``; never raises.

    It is no trigger: whatever else a delivery tells, this comes beside it.
    """
    json = _Json(payload)
    own_login = _own(app_login)
    try:
        match event, json.text("action"):
            case "push", _:
                return _pushed(json, is_own=_sender(json).login.casefold() == own_login)
            case "pull_request", "opened" | "reopened" | "synchronize" as action:
                is_own = _sender(json).login.casefold() == own_login
                if is_own and action == "opened" and is_work(_head(json)):
                    return None  # the push of it told what it changes
                return _proposed(json, is_own=is_own)
            case _:
                return None
    except ValueError:
        return None


def about(event: str, payload: Mapping[str, Any]) -> frozenset[str]:
    """Return what a delivery is about that somebody may wait for, as questions spell it.

    Never raises; what cannot be read is about nothing.
    """
    json = _Json(payload)
    repository_id = json.number("repository", "id")
    if not repository_id:
        return frozenset()
    if event in _OF_PULL_REQUESTS:
        number = json.number("pull_request", "number")
        found = about_pull_request(repository_id, number) if number else ""
    elif event in ("workflow_run", "workflow_job"):
        found = _about_run(json, event, repository_id)
    elif event in WAKING:
        sha = json.text("sha") if event == "status" else json.text(event, "head_sha")
        found = about_commit(repository_id, sha) if sha else ""
    else:
        found = ""
    return frozenset({found} - {""})


def _about_run(json: "_Json", event: str, repository_id: int) -> str:
    """Return what tells that a run has ended, or that a job waits for somebody.

    Of all else that becomes of runs a look tells now and then: each costs a request.
    """
    match event, json.text("action"):
        case "workflow_run", "completed":
            run_id = json.number("workflow_run", "id")
            return about_run(repository_id, run_id) if run_id else ""
        case "workflow_job", "waiting":
            run_id = json.number("workflow_job", "run_id")
            return about_jobs(repository_id, run_id) if run_id else ""
        case _:
            return ""


class _Json:
    """Reads values out of foreign JSON; what is missing is empty, 0 or False."""

    def __init__(self, value: object) -> None:
        self._value = value

    def at(self, *path: str) -> object:
        """Return what stands at *path*, or None."""
        value = self._value
        for key in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(key)
        return value

    def text(self, *path: str) -> str:
        """Return a text."""
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    def name(self, *path: str) -> str:
        """Return ``owner/name``, or nothing for what no repository can be called."""
        value = self.text(*path)
        return value if is_repository_name(value) else ""

    def number(self, *path: str) -> int:
        """Return a positive whole number; none of GitHub's has more than 63 bits."""
        value = self.at(*path)
        if not isinstance(value, int) or isinstance(value, bool):
            return 0
        return value if 0 < value < 2**63 else 0

    def needed_text(self, *path: str) -> str:
        """Return a text, or raise ``ValueError``."""
        return self.text(*path) or _missing(path)

    def needed_name(self, *path: str) -> str:
        """Return ``owner/name``, or raise ``ValueError``."""
        return self.name(*path) or _missing(path)

    def needed_number(self, *path: str) -> int:
        """Return a positive whole number, or raise ``ValueError``."""
        return self.number(*path) or _missing(path)


def _missing(path: tuple[str, ...]) -> NoReturn:
    message = f"the payload lacks {'.'.join(path)}"
    raise ValueError(message)


def _repository(json: _Json) -> Repository:
    return Repository(
        id=json.needed_number("repository", "id"),
        name=json.needed_name("repository", "full_name"),
        installation_id=InstallationId(json.needed_number("installation", "id")),
    )


def _sender(json: _Json) -> Sender:
    login = json.needed_text("sender", "login")
    is_bot = json.text("sender", "type") != "User" or login.endswith("[bot]")
    return Sender(login, is_bot)


def _item(json: _Json, kind: str) -> ItemNumber:
    return ItemNumber(json.needed_number(kind, "number"))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        _missing(("time zone",))
    return moment


def _command(
    json: _Json,
    own_login: str,
    *,
    kind: CommentKind,
    thread: ItemNumber,
    is_pull_request: bool,
) -> CommentWritten | None:
    part = "review" if kind is CommentKind.REVIEW else "comment"
    sender = _sender(json)
    body = json.text(part, "body")
    is_own = own_login in (
        sender.login.casefold(),
        json.text(part, "user", "login").casefold(),
    )
    holds_command = may_hold_command(body)
    addressed = () if holds_command or is_own else addressed_lines(body, own_login)
    if is_own or not (holds_command or addressed):
        return None
    moment = "submitted_at" if kind is CommentKind.REVIEW else "created_at"
    return CommentWritten(
        repository=_repository(json),
        thread=thread,
        is_pull_request=is_pull_request,
        kind=kind,
        comment_id=json.needed_number(part, "id"),
        body=body,
        url=json.needed_text(part, "html_url"),
        sender=sender,
        created_at=_moment(json.text(part, moment)),
        node_id=json.text(part, "node_id"),
        addressed=addressed,
    )


def _issue_comment(json: _Json, own_login: str) -> CommentWritten | None:
    return _command(
        json,
        own_login,
        kind=CommentKind.ISSUE,
        thread=_item(json, "issue"),
        is_pull_request=json.at("issue", "pull_request") is not None,
    )


def _review(json: _Json, own_login: str) -> CommentWritten | None:
    return _command(
        json,
        own_login,
        kind=CommentKind.REVIEW,
        thread=_item(json, "pull_request"),
        is_pull_request=True,
    )


def _review_comment(json: _Json, own_login: str) -> CommentWritten | None:
    return _command(
        json,
        own_login,
        kind=CommentKind.REVIEW_COMMENT,
        thread=_item(json, "pull_request"),
        is_pull_request=True,
    )


def _boxes(json: _Json, own_login: str) -> BoxesTicked | None:
    sender = _sender(json)
    author = json.text("comment", "user", "login").casefold()
    old_body = json.text("changes", "body", "from")
    new_body = json.text("comment", "body")
    is_ours = author == own_login and sender.login.casefold() != own_login
    if not is_ours or not old_body or old_body == new_body:
        return None
    return BoxesTicked(
        repository=_repository(json),
        thread=_item(json, "issue"),
        comment_id=json.needed_number("comment", "id"),
        old_body=old_body,
        new_body=new_body,
        sender=sender,
    )


def _button(json: _Json, own_login: str) -> ButtonPressed | None:
    slug = json.text("check_run", "app", "slug")
    sender = _sender(json)
    is_ours = f"{slug}[bot]".casefold() == own_login
    if not is_ours or sender.login.casefold() == own_login:
        return None
    return ButtonPressed(
        repository=_repository(json),
        check_run_id=json.needed_number("check_run", "id"),
        external_id=json.text("check_run", "external_id"),
        button=json.text("requested_action", "identifier"),
        sender=sender,
    )


def _label(
    json: _Json, kind: str, own_login: str, *, is_added: bool
) -> LabelChanged | None:
    part = "pull_request" if kind == "pull_request" else "issue"
    sender = _sender(json)
    if sender.login.casefold() == own_login:
        return None
    # One that is deleted goes from its items without being named.
    name = json.needed_text("label", "name") if is_added else json.text("label", "name")
    return LabelChanged(
        repository=_repository(json),
        number=_item(json, part),
        name=name,
        is_added=is_added,
        sender=sender,
        url=json.needed_text(part, "html_url"),
        at=_moment(json.text(part, "updated_at")),
    )


def _reviewer(json: _Json) -> str:
    login = json.text("requested_reviewer", "login")
    slug = json.text("requested_team", "slug")
    if not login and not slug:
        _missing(("requested_reviewer",))
    return f"user:{login}" if login else f"team:{slug}"


def _review_request(
    json: _Json, own_login: str, name: str, *, is_added: bool
) -> ReviewRequested | None:
    sender = _sender(json)
    if sender.login.casefold() == own_login:
        return None
    return ReviewRequested(
        repository=_repository(json),
        number=_item(json, "pull_request"),
        name=name,
        is_added=is_added,
        sender=sender,
        url=json.needed_text("pull_request", "html_url"),
        at=_moment(json.text("pull_request", "updated_at")),
    )


def _own(app_login: str) -> str:
    return f"{app_login.removesuffix('[bot]')}[bot]".casefold()


def _head(json: _Json) -> str:
    return json.text("pull_request", "head", "ref")


def _pushed(json: _Json, *, is_own: bool) -> ConfigurationPushed | None:
    branch = json.text("ref").removeprefix("refs/heads/")
    is_default = branch == json.needed_text("repository", "default_branch")
    if not is_default and not (is_own and is_work(branch)):
        return None
    if json.at("deleted") is True:
        return None
    pusher = _sender(json) if is_default else None
    pushed = ConfigurationPushed(
        _repository(json), json.needed_text("after"), pusher=pusher
    )
    commits = json.at("commits")
    listed = [*commits] if isinstance(commits, list) else []
    if json.at("forced") is True or len(listed) >= _COMMITS_OF_A_PUSH:
        return replace(pushed, base_sha=json.text("before"))
    touched = {
        path
        for commit in map(_Json, [*listed, json.at("head_commit")])
        for key in ("added", "modified", "removed")
        if isinstance(paths := commit.at(key), list)
        for path in paths
        if isinstance(path, str)
    }
    return pushed if CONFIGURATION_PATH in touched else None


def _proposed(json: _Json, *, is_own: bool) -> ConfigurationPushed:
    head = json.number("pull_request", "head", "repo", "id")
    return ConfigurationPushed(
        repository=_repository(json),
        sha=json.needed_text("pull_request", "head", "sha"),
        number=_item(json, "pull_request"),
        base_sha=json.needed_text("pull_request", "base", "sha"),
        updated_from=json.text("before") if is_own else "",
        is_from_fork=head != json.number("repository", "id"),
    )


def _wished(json: _Json) -> OperatorWished:
    return OperatorWished(
        repository=_repository(json),
        batch_id=BatchId(json.needed_text("batch")),
        command=json.needed_text("command"),
        wish=json.needed_text("wish"),
        form=json.text("form"),
        by_login=json.text("by", "login"),
        by_id=json.number("by", "id") or 0,
    )


def _due(json: _Json) -> ScheduleDue:
    return ScheduleDue(
        repository=_repository(json),
        key=json.needed_text("schedule"),
        due_at=_moment(json.text("due_at")),
    )


def _installation(json: _Json, action: str) -> InstallationChanged:
    installation_id = InstallationId(json.needed_number("installation", "id"))
    keys = {"added": "repositories_added", "removed": "repositories_removed"}
    listed = json.at(keys.get(action, "repositories"))
    found = []
    for entry in map(_Json, listed if isinstance(listed, list) else ()):
        repository_id, name = entry.number("id"), entry.name("full_name")
        if repository_id and name:
            found.append(Repository(repository_id, name, installation_id))
    return InstallationChanged(installation_id, tuple(found))
