"""The adapter against the local GitHub, which keeps state and is held to GitHub's own
descriptions: what one half writes the other half finds.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.core.effects import (
    ChangeAssignees,
    ChangeDraft,
    ChangeLabels,
    ChangeMilestone,
    ChangeReviewers,
    ChangeState,
    CheckAnnotation,
    CheckButton,
    CheckReport,
    CreateCheckRun,
    CreateComment,
    CreateReview,
    EditCheckRun,
    EditComment,
    OpenPullRequest,
    PinComment,
    React,
    Reaction,
    Receipt,
    UnpinComment,
)
from bot.core.model import (
    CommentKind,
    InstallationId,
    ItemNumber,
    Person,
    Reference,
    Repository,
    Role,
)
from bot.core.plan.sources import Source
from bot.core.review.facts import ReviewFactsOf
from bot.core.world.questions import (
    Assignable,
    AssignableTo,
    BasesOf,
    BranchNow,
    OpenPullsOf,
    PullState,
)
from bot.errors import (
    AppUnavailable,
    NotFound,
    PermanentError,
    RateLimited,
    Refused,
    Uncertain,
)
from bot.github.adapter import GitHubAdapter, GitHubSettings
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import APP_ID, LocalHub
from bot.localhub.reviews import LineComment
from bot.ports.github import NewCommit, TreeEntry
from tests.github.searching import search_of
from tests.github.server import HurriedClock

NAME = "acme/widgets"
MARKER = "<!-- batch-bot:report b7k2 00ff -->"


@pytest.fixture
def hub_clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
async def adapter(
    hub: LocalHub, hub_clock: HurriedClock
) -> AsyncIterator[GitHubAdapter]:
    settings = GitHubSettings(str(APP_ID), hub.private_key, hub.api_url)
    async with GitHubAdapter.open(settings, hub_clock, lambda: 0.5) as opened:
        yield opened


@pytest.fixture
def repository(hub: LocalHub) -> Repository:
    (installation_id,) = hub.state.installations
    return Repository(hub.repository(NAME).id, NAME, InstallationId(installation_id))


def thread(number: int) -> ItemNumber:
    return ItemNumber(number)


async def test_facts_are_what_people_made(hub, adapter, repository):
    blocker = hub.open_issue("olivia", NAME, "First")
    issue = hub.open_issue(
        "olivia", NAME, "Second", "Text", labels=("bug",), assignees=("wade",)
    )
    hub.block("olivia", issue, blocker)
    hub.add_sub_issue("olivia", issue, blocker)
    sha = hub.push("wade", NAME, "fix", {"a.txt": "a\n"}, message="Fix")
    pull = hub.open_pull_request("wade", NAME, "Fix", head="fix")
    hub.push(
        "olivia", NAME, "main", {".github/batch.yml": "limits: {}\n"}, message="Set up"
    )
    wanted = [thread(number) for number in (issue.number, pull.number, 4711)]
    about, facts = await adapter.github.facts(repository, wanted)
    assert about.default_branch == "main"
    assert about.configuration == Source("limits: {}\n")
    assert about.newest_number == pull.number
    assert sorted(facts) == [issue.number, pull.number]
    second, fix = facts[thread(issue.number)], facts[thread(pull.number)]
    first = Reference(NAME, thread(blocker.number))
    assert (second.blocked_by, second.sub_issues) == ((first,), (first,))
    assert (second.labels, second.assignees) == (("bug",), ("wade",))
    assert (fix.head_sha, fix.head_branch, fix.base_branch) == (sha, "fix", "main")
    across = await adapter.github.references(repository.installation_id, [first])
    assert across[first].title == "First"


async def test_an_older_server_says_less_and_nothing_fails(hub, adapter, repository):
    issue = hub.open_issue("olivia", NAME, "First")
    hub.lacks |= {"pins", "dependencies", "sub-issues"}
    number = thread(issue.number)
    _, facts = await adapter.github.facts(repository, [number])
    assert facts[number].blocked_by == ()
    comment = await adapter.effects.do(
        CreateComment(repository, number, MARKER, MARKER)
    )
    receipt = await adapter.effects.do(PinComment(repository, number, comment.id))
    assert receipt.note


async def test_roles_labels_and_lists(hub, adapter, repository):
    for login, role in (
        ("olivia", Role.MAINTAIN),
        ("wade", Role.WRITE),
        ("tess", Role.TRIAGE),
        ("rita", Role.READ),
        ("nobody", Role.NONE),
    ):
        assert await adapter.github.role(repository, login) is role
    milestone = hub.add_milestone("olivia", NAME, "v2")
    first = hub.open_issue(
        "olivia", NAME, "One", labels=("bug",), milestone=milestone.number
    )
    hub.open_issue("wade", NAME, "Two", labels=("bug",), assignees=("wade",))
    labels = await adapter.github.labels(repository)
    assert labels["bug"] == 2

    async def select(line: str) -> list[int]:
        search = search_of(line)
        return list(await adapter.github.select(repository, search, limit=50))

    assert len(await select("label:bug")) == 2
    assert await select("label:bug milestone:V2") == [first.number]
    assert await select("author:olivia") == [first.number]
    assert first.number not in await select("assignee:wade")
    assert await select("label:bug -author:wade") == [first.number]
    assert await select("author:olivia,author:nobody") == [first.number]


async def test_pull_requests_are_selected_by_base_draft_and_review(
    hub, adapter, repository
):
    for branch in ("one", "two"):
        hub.push("wade", NAME, branch, {f"{branch}.txt": "a\n"}, message=branch)
    first = hub.open_pull_request("wade", NAME, "One", head="one")
    second = hub.open_pull_request("wade", NAME, "Two", head="two", is_draft=True)
    hub.review("olivia", NAME, first.number, event="REQUEST_CHANGES", body="No.")
    hub.review("olivia", NAME, first.number, event="APPROVE")
    for line, expected in (
        ("base:main", [first.number, second.number]),
        ("draft:true", [second.number]),
        ("review:approved", [first.number]),
        ("review:none base:main", [second.number]),
        ("base:other", []),
    ):
        found = await adapter.github.select(repository, search_of(line), limit=50)
        assert list(found) == expected, line


async def test_a_comment_whose_answer_was_lost_is_found(hub, adapter, repository):
    issue = hub.open_issue("olivia", NAME, "First")
    intent = CreateComment(repository, thread(issue.number), MARKER, f"{MARKER}\nHi")
    since = hub.now()
    hub.comment("wade", NAME, issue.number, MARKER)
    assert await adapter.effects.find(intent, since=since) is None
    hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST", path="/comments$"))
    with pytest.raises(Uncertain):
        await adapter.effects.do(intent)
    found = await adapter.effects.find(intent, since=since)
    assert found is not None
    bodies = [comment.body for comment in issue.comments]
    assert bodies == [MARKER, f"{MARKER}\nHi"]
    await adapter.effects.do(EditComment(repository, found.id, f"{MARKER}\nHo"))
    assert issue.comments[-1].body == f"{MARKER}\nHo"


async def test_a_check_run_whose_answer_was_lost_is_found_and_says_more(
    hub, adapter, repository
):
    head = hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    report = CheckReport("Batch b7k2 is running", "2 of 3")
    remark = CheckAnnotation("a.txt", 1, 1, "No.", "notice")
    intent = CreateCheckRun(repository, head, "Batch b7k2", "b7k2", report, (remark,))
    hub.check(NAME, head, "Batch b7k2", conclusion="success")  # of another app
    assert await adapter.effects.find(intent, since=hub.now()) is None
    hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST", path="/check-runs$"))
    with pytest.raises(Uncertain):
        await adapter.effects.do(intent)
    found = await adapter.effects.find(intent, since=hub.now())
    run = hub.repository(NAME).check_runs[-1]
    assert (found.id, found.sha, run.status) == (run.id, head, "in_progress")
    ended = CheckReport(
        "Batch b7k2 finished", "3 of 3", "neutral",
        buttons=(CheckButton("retry", "Retry", "Run again what failed"),),
    )  # fmt: skip
    for _ in range(2):
        await adapter.effects.do(EditCheckRun(repository, run.id, ended))
    assert (run.conclusion, run.title) == ("neutral", "Batch b7k2 finished")
    assert [len(run.annotations), len(run.actions)] == [1, 1]


async def test_a_review_that_was_left_half_made_is_out_of_the_way(
    hub, adapter, repository
):
    head = hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    number = thread(hub.open_pull_request("wade", NAME, "One", head="one").number)
    bot = hub.app.bot.login
    review = CreateReview(repository, number, head, MARKER, f"{MARKER}\nLook")
    hub.review(bot, NAME, number, body=review.body)
    assert await adapter.effects.find(review, since=hub.now()) is None
    asked = ReviewFactsOf(repository, number)
    assert (await adapter.github.ask([asked]))[asked].earlier == ()
    await adapter.effects.do(review)
    assert await adapter.effects.find(review, since=hub.now()) is not None
    pull = hub.thread(NAME, number).pull
    assert (len(pull.reviews), pull.pending_reviews) == (1, [])


async def test_its_own_reviews_and_conversations_are_found_among_any_number(
    hub, adapter, repository
):
    hub.push("wade", NAME, "one", {"a.txt": "a\n" * 300}, message="One")
    number = thread(hub.open_pull_request("wade", NAME, "One", head="one").number)
    bot = hub.app.bot.login
    line = LineComment("a.txt", "Hm.", 1)
    own = hub.review(bot, NAME, number, event="COMMENT", body="x", comments=[line])
    lines = [LineComment("a.txt", "No.", at) for at in range(2, 252)]
    hub.review("olivia", NAME, number, event="COMMENT", comments=lines)
    for _ in range(210):
        hub.review("olivia", NAME, number, event="COMMENT", body="And?")
    last = LineComment("a.txt", "Hm.", 260)
    late = hub.review(bot, NAME, number, event="COMMENT", body="y", comments=[last])
    asked = ReviewFactsOf(repository, number)
    facts = (await adapter.github.ask([asked]))[asked]
    found = facts.earlier
    assert [one.node_id for one in found] == [f"PRR_{own.id}", f"PRR_{late.id}"]
    assert [len(one.open_threads) for one in found] == [1, 1]
    assert facts.pull.open_conversations == 252
    assert (facts.additions, facts.hides_lines) == (300, False)


async def test_without_the_permission_no_check_run_is_made(hub, adapter, repository):
    head = hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    installation = hub.state.installations[repository.installation_id]
    installation.permissions = {**installation.permissions, "checks": "read"}
    report = CheckReport("Batch b7k2 is running", "2 of 3")
    intent = CreateCheckRun(repository, head, "Batch b7k2", "b7k2", report)
    with pytest.raises(Refused, match="not accessible by integration"):
        await adapter.effects.do(intent)


async def test_everything_that_may_be_repeated_changes_nothing_the_second_time(
    hub, adapter, repository
):
    issue = hub.open_issue("olivia", NAME, "First", labels=("old",))
    number = thread(issue.number)
    hub.add_milestone("olivia", NAME, "2.4")
    hub.add_team("acme", "core", ["olivia"])
    hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    pull = thread(hub.open_pull_request("wade", NAME, "One", head="one").number)
    theirs = hub.comment("wade", NAME, issue.number, "/batch 1")
    ours = await adapter.effects.do(CreateComment(repository, number, MARKER, MARKER))
    intents: list[Any] = [
        PinComment(repository, number, ours.id),
        React(repository, CommentKind.ISSUE, theirs.id, Reaction.SEEN),
        ChangeLabels(repository, number, add=("new",), remove=("old",)),
        ChangeAssignees(repository, number, add=("wade",)),
        ChangeState(repository, number, False, False, "not_planned"),
        ChangeMilestone(repository, number, "2.4"),
        ChangeMilestone(repository, number, ""),
        ChangeDraft(repository, pull, is_draft=True),
        ChangeDraft(repository, pull, is_draft=False),
        ChangeReviewers(repository, pull, add=("olivia", "team:core")),
        ChangeReviewers(repository, pull, remove=("Olivia", "team:core")),
    ]
    for intent in intents:
        assert (await adapter.effects.do(intent)).changed, intent
        assert not (await adapter.effects.do(intent)).changed, intent
    assert [label.name for label in issue.labels] == ["new"]
    assert not issue.is_open
    unpin = UnpinComment(repository, ours.id)
    assert (await adapter.effects.do(unpin)).changed
    assert not (await adapter.effects.do(unpin)).changed


async def test_somebody_without_a_role_cannot_be_assigned(hub, adapter, repository):
    issue = hub.open_issue("olivia", NAME, "First")
    receipt = await adapter.effects.do(
        ChangeAssignees(repository, thread(issue.number), add=("sam",))
    )
    assert receipt.note == "sam cannot be assigned here"
    assert not receipt.changed


async def test_who_cannot_be_asked_for_a_review_is_told_from_who_can(
    hub, adapter, repository
):
    hub.add_team("acme", "core", ["olivia"])
    hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    opened = hub.open_pull_request("wade", NAME, "One", head="one")
    add = ("olivia", "wade", "sam", "nobody-has-this", "team:core", "team:none")
    intent = ChangeReviewers(repository, thread(opened.number), add=add)
    receipt = await adapter.effects.do(intent)
    assert receipt.added == ("olivia", "team:core")
    assert receipt.note == (
        "wade wrote it, and GitHub asks no author for a review; sam and team:none cannot"
        " be asked for reviews here; GitHub did not ask nobody-has-this"
    )
    assert [event.detail for event in opened.events] == ["olivia", "core"]
    (installation,) = hub.state.installations.values()
    hub.grant(installation, members="")
    hub.revoke_tokens()
    hub.remove_review_request("wade", NAME, opened.number, teams=["core"])
    team = ChangeReviewers(repository, thread(opened.number), add=("team:core",))
    receipt = await adapter.effects.do(team)
    assert not receipt.changed
    assert receipt.note == "team:core cannot be seen by the app without members: read"


async def test_a_mark_whose_answer_was_lost_is_made_once(hub, adapter, repository):
    hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    opened = hub.open_pull_request("wade", NAME, "One", head="one", is_draft=True)
    ready = ChangeDraft(repository, thread(opened.number), is_draft=False)
    hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST", path="/graphql$"))
    with pytest.raises(Uncertain):
        await adapter.effects.do(ready)
    assert not (await adapter.effects.do(ready)).changed
    assert [event.kind for event in opened.events] == ["ready_for_review"]


async def test_where_there_are_no_drafts_it_is_said_what_may_be_missing(
    hub, adapter, repository
):
    hub.push("wade", NAME, "one", {"a.txt": "a\n"}, message="One")
    opened = hub.open_pull_request("wade", NAME, "One", head="one")
    hub.repository(NAME).has_drafts = False
    draft = ChangeDraft(repository, thread(opened.number), is_draft=True)
    with pytest.raises(Refused, match="does not have permission to convert") as caught:
        await adapter.effects.do(draft)
    assert "GitHub Team" in caught.value.advice
    with pytest.raises(NotFound):
        await adapter.effects.do(ChangeDraft(repository, thread(99), is_draft=True))


async def test_a_milestone_is_set_by_its_title_and_one_that_is_gone_is_said(
    hub, adapter, repository
):
    issue = hub.open_issue("olivia", NAME, "First")
    for title in ("2.3", "2.4"):
        hub.add_milestone("olivia", NAME, title)
    number = thread(issue.number)
    assert await adapter.github.milestones(repository) == {"2.3": 0, "2.4": 0}
    await adapter.effects.do(ChangeMilestone(repository, number, "2.3"))
    receipt = await adapter.effects.do(ChangeMilestone(repository, number, "2.4"))
    assert (receipt.added, receipt.removed) == (("2.4",), ("2.3",))
    assert await adapter.github.milestones(repository) == {"2.3": 0, "2.4": 1}
    with pytest.raises(Refused, match=r"no milestone 2\.5 any more"):
        await adapter.effects.do(ChangeMilestone(repository, number, "2.5"))
    receipt = await adapter.effects.do(ChangeMilestone(repository, number, ""))
    assert (receipt.added, receipt.removed) == ((), ("2.4",))
    assert issue.milestone is None


async def test_a_pull_request_is_opened_found_and_refused(hub, adapter, repository):
    branch = "batch/b7k2/12"
    sha = hub.push("wade", NAME, branch, {"a.txt": "a\n"}, message="Fix")
    intent = OpenPullRequest(repository, branch, sha, "main", "Fix", "Closes #12")
    since = hub.now()
    assert await adapter.effects.find(intent, since=since) is None
    opened = await adapter.effects.do(intent)
    assert (opened.sha, opened.note, opened.changed) == (sha, "", True)
    again = await adapter.effects.do(intent)
    assert (again.id, again.changed) == (opened.id, False)
    hub.close("olivia", NAME, opened.id)
    found: Receipt | None = await adapter.effects.find(intent, since=since)
    assert found is not None
    assert (found.id, found.note) == (opened.id, "it is closed")
    main = hub.repository(NAME).git.resolve("refs/heads/main")
    hub.set_ref("olivia", NAME, "refs/heads/empty", main)
    empty = OpenPullRequest(repository, "empty", main, "main", "Fix", "")
    with pytest.raises(Refused, match="No commits between") as caught:
        await adapter.effects.do(empty)
    assert caught.value.advice


async def test_a_signed_commit_moves_a_branch_from_where_it_is_expected(
    hub, adapter, repository
):
    git, commits = hub.repository(NAME).git, adapter.signed_commits
    main = git.commit(git.resolve("main"))
    first = TreeEntry("a.txt", "100644", "", "a\n")
    new = NewCommit("Fix", main.tree, main.tree, (main.sha,), (first,))
    with pytest.raises(PermanentError, match="other files"):
        await commits.make(repository, new)
    made = []
    for number in range(2):
        new = NewCommit(f"Fix {number}", main.tree, main.tree, (main.sha,), ())
        made.append((await commits.make(repository, new)).sha)
    one, two = made
    branch = "batch/b7k2/12"
    await commits.point(repository, branch, one, expected_sha="")
    for wrong in ("", two):
        with pytest.raises(PermanentError, match="moved by somebody else"):
            await commits.point(repository, branch, two, expected_sha=wrong)
    await commits.point(repository, branch, two, expected_sha=one)
    assert git.resolve(branch) == two
    found = await commits.look(repository, two)
    assert (found.message, found.tree, found.unverified) == ("Fix 1", main.tree, "")
    assert (await commits.look(repository, main.sha)).unverified == "unsigned"


async def test_a_renamed_repository_goes_on_under_its_old_name(
    hub, adapter, repository
):
    issue = hub.open_issue("olivia", NAME, "First")
    hub.rename_repository("olivia", NAME, "gadgets")
    number = thread(issue.number)
    await adapter.effects.do(CreateComment(repository, number, MARKER, MARKER))
    assert [comment.body for comment in issue.comments] == [MARKER]
    _, facts = await adapter.github.facts(repository, [number])
    assert facts[number].title == "First"
    assert await adapter.github.role(repository, "wade") is Role.WRITE


async def test_limits_are_kept_and_shown(hub, adapter, repository, hub_clock):
    installation = repository.installation_id
    hub.limits.set_limit(installation, limit=60)
    before = hub_clock.monotonic()
    for login in ("wade", "tess", "rita"):
        await adapter.github.role(repository, login)
    shown = adapter.github.budget(installation)
    assert (shown.limit, shown.remaining, shown.reserve) == (60, 57, 6)
    assert adapter.github.requests_fit(installation) == 51
    hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, path="/permission$"))
    await adapter.github.role(repository, "olivia")
    assert hub_clock.monotonic() - before == 60
    left = adapter.github.budget(installation).remaining
    for number in range(left):
        await adapter.github.role(repository, f"nobody{number}")
    with pytest.raises(RateLimited) as caught:
        await adapter.github.role(repository, "one-more")
    assert caught.value.until > hub_clock.now()
    assert hub.limits.window(installation, "core").remaining == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s, there: s.suspend_installation(there), "suspended"),
        (lambda s, there: s.uninstall(there), "removed"),
        (lambda s, _there: s.archive_repository("acme", NAME), "archived"),
    ],
    ids=["suspended", "uninstalled", "archived"],
)
async def test_why_the_app_can_do_nothing_is_known(
    hub, adapter, repository, change, why
):
    issue = hub.open_issue("olivia", NAME, "First")
    comment = hub.comment("olivia", NAME, issue.number, "x")
    assert await adapter.github.role(repository, "wade") is Role.WRITE
    change(hub, hub.state.installations[repository.installation_id])
    number = thread(issue.number)
    for intent in (
        CreateComment(repository, number, MARKER, MARKER),
        ChangeState(repository, number, is_open=False, is_pull_request=False),
        ChangeLabels(repository, number, add=("bug",)),
        React(repository, CommentKind.ISSUE, comment.id, Reaction.SEEN),
    ):
        with pytest.raises(AppUnavailable) as caught:
            await adapter.effects.do(intent)
        assert caught.value.why == why


async def test_a_revoked_token_is_asked_for_again(hub, adapter, repository):
    assert await adapter.github.role(repository, "wade") is Role.WRITE
    hub.revoke_tokens()
    assert await adapter.github.role(repository, "wade") is Role.WRITE


async def test_a_repository_that_was_taken_from_the_app_has_no_token(
    hub, adapter, repository
):
    hub.create_repository("acme/other", files={"a": "b"})
    installation = hub.state.installations[repository.installation_id]
    hub.remove_repositories(installation, NAME)
    with pytest.raises(AppUnavailable, match="taken from the app") as caught:
        await adapter.tokens.token(repository)
    assert caught.value.why == "removed"
    hub.add_repositories(installation, NAME)
    assert await adapter.tokens.token(repository)


async def test_a_moved_issue_leaves_the_others_where_they_are(hub, adapter, repository):
    hub.create_repository("acme/other", files={"a": "b"})
    moved, stayed = (hub.open_issue("olivia", NAME, t) for t in ("A", "B"))
    before = [thread(1), thread(2)]

    def closing(number: ItemNumber) -> ChangeState:
        return ChangeState(repository, number, is_open=False, is_pull_request=False)

    hub.transfer_issue("acme", NAME, 1, "acme/other")
    for intent in (
        closing(before[0]),
        CreateComment(repository, before[0], MARKER, MARKER),
    ):
        with pytest.raises(NotFound):
            await adapter.effects.do(intent)
    assert (moved.is_open, moved.comments) == (True, [])
    await adapter.effects.do(closing(before[1]))
    assert not stayed.is_open
    _, facts = await adapter.github.facts(repository, before)
    assert [fact.title for fact in facts.values()] == ["B"]


async def test_people_are_found_by_their_logins_and_kept(
    adapter: GitHubAdapter, repository: Repository, hub: LocalHub
):
    sam = hub.state.user("sam")
    assert sam is not None
    found = await adapter.people.person(repository, "Sam")
    host = "users.noreply.127.0.0.1"
    assert found == Person("sam", f"{sam.id}+sam@{host}")
    bot = hub.app.bot
    expected = Person(bot.login, f"{bot.id}+{bot.login}@{host}")
    assert await adapter.people.bot(repository) == expected
    assert await adapter.people.person(repository, "nobody-of-that-name") is None
    hub.state.users.clear()
    assert await adapter.people.person(repository, "sam") == found


async def test_what_became_of_branches_and_who_works_on_an_issue(
    hub, adapter, repository
):
    def pull(branch: str, body: str, base: str = "main") -> ItemNumber:
        files = {f"{branch}.txt": "1\n"}
        hub.push("wade", NAME, branch, files, message=branch, base=base)
        opened = hub.open_pull_request(
            "wade", NAME, branch, head=branch, base=base, body=body
        )
        return thread(opened.number)

    issue = thread(hub.open_issue("olivia", NAME, "Fifteen").number)
    pull("batch/e5e5/42", "Closes #42")
    lower = pull("batch/a1a1/40", "Closes #40")
    upper = pull(f"batch/b2b2/{issue}", f"Closes #{issue}", "batch/a1a1/40")
    closed = pull(f"batch/c3c3/{issue}", f"Closes #{issue}")
    pull("topic", f"Closes #{issue}")
    for other in range(101):  # a full page behind those
        hub.open_issue("wade", NAME, f"Like {other}", f"See #{issue}.")
    hub.close("olivia", NAME, closed)
    hub.merge("olivia", NAME, lower, method="squash")
    above = pull("batch/d4d4/41", "Closes #41", "batch/e5e5/42")
    hub.set_ref("olivia", NAME, "refs/heads/batch/e5e5/42", None)
    branches = (
        *("batch/a1a1/40", f"batch/c3c3/{issue}", "main", "gone"),
        "batch/d4d4/41",
    )
    asked = BasesOf(repository, issue, branches)
    alone = OpenPullsOf(repository, issue)
    missing = OpenPullsOf(repository, thread(4711))
    told = await adapter.github.ask([asked, alone, missing])
    bases = told[asked]
    assert bases.default_branch == "main"
    merged = bases.branches["batch/a1a1/40"]
    assert (merged.exists, merged.pull.number, merged.pull.base) == (
        *(True, lower, "main"),
    )
    assert merged.pull.state is PullState.MERGED
    assert merged.pull.merged_at is not None
    turned_down = bases.branches[f"batch/c3c3/{issue}"].pull
    assert (turned_down.state, turned_down.lost_base) == (PullState.CLOSED, False)
    lost = bases.branches["batch/d4d4/41"].pull
    assert (lost.number, lost.state, lost.lost_base) == (above, PullState.CLOSED, True)
    assert bases.branches["main"] == BranchNow(exists=True)
    assert bases.branches["gone"] == BranchNow(exists=False)
    assert [pull.number for pull in bases.open_pulls] == [upper]
    assert told[alone] == bases.open_pulls
    assert told[missing] == ()


async def test_who_has_access_or_took_part_can_be_assigned(
    hub: LocalHub, adapter: GitHubAdapter, repository: Repository
):
    issue = hub.open_issue("olivia", NAME, "Fifteen")
    hub.add_user("oscar")
    hub.comment("oscar", NAME, issue.number, "Me too")
    logins = ("Wade", "oscar", "nobody")
    here = AssignableTo(repository, logins, (thread(issue.number), thread(4711)))
    elsewhere = AssignableTo(repository, logins)
    told = await adapter.github.ask([here, elsewhere])
    assert told[here].asked == {"Wade", "oscar"}
    assert told[elsewhere].asked == {"Wade"}
    assert isinstance(told[here], Assignable)
    assert "wade" in told[here].people
    assert "oscar" not in told[here].people
