"""Every intent against GitHub: what is sent, what is not, what the receipt says."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.effects import (
    ChangeAssignees,
    ChangeBase,
    ChangeDraft,
    ChangeLabels,
    ChangeMilestone,
    ChangeReviewers,
    ChangeState,
    CreateComment,
    EditComment,
    OpenPullRequest,
    PinComment,
    PushBranch,
    React,
    Reaction,
    Receipt,
    UnpinComment,
)
from bot.core.model import CommentKind, ItemFacts, ItemKind, ItemNumber
from bot.errors import BranchMissing, NotFound, Refused, Uncertain
from tests.github.server import APP, REPOSITORY, Bench, Reply

SINCE = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
N12 = ItemNumber(12)
ISSUE = "GET /repos/octo/app/issues/12"
COMMENTS = "/repos/octo/app/issues/12/comments"
MARKER = "<!-- batch-bot:report b7k2 00ff -->"
URL = "https://github.com/octo/app/issues/12"


def comment(number: int, body: str, login: str = APP.login, **more: Any) -> Any:
    url = f"{URL}#issuecomment-{number}"
    return {
        "id": number,
        "body": body,
        "html_url": url,
        "user": {"login": login},
        "performed_via_github_app": None,
    } | more


def issue(**more: Any) -> Reply:
    whole = {"html_url": URL, "labels": [], "assignees": [], "state": "open"}
    return Reply(whole | more)


# --- comments ---

CREATE = CreateComment(REPOSITORY, N12, MARKER, f"{MARKER}\nDone.")


async def test_a_comment_is_posted(desk: Bench):
    desk.github.on(f"POST {COMMENTS}", Reply(comment(5, CREATE.body), 201))
    receipt = await desk.effects.do(CREATE)
    assert receipt == Receipt(id=5, url=f"{URL}#issuecomment-5")
    assert desk.github.seen[-1].data == {"body": CREATE.body}


async def test_only_an_own_comment_with_the_marker_first_is_found(desk: Bench):
    others = [
        comment(1, CREATE.body, login="mallory"),
        comment(2, f"see:\n{MARKER}"),
        comment(3, MARKER.replace("b7k2", "c8m3")),
        comment(4, ""),
    ]
    desk.github.on(f"GET {COMMENTS}", Reply(others))
    assert await desk.effects.find(CREATE, since=SINCE) is None
    assert desk.github.seen[-1].query["since"] == "2026-03-03T13:59:00Z"
    own = comment(6, f"{MARKER}\r\nDone.")
    desk.github.on(f"GET {COMMENTS}", Reply([*others, own]))
    found = await desk.effects.find(CREATE, since=SINCE)
    assert found is not None
    assert found.id == 6


async def test_an_own_comment_is_found_after_the_app_was_renamed(desk: Bench):
    own = comment(6, MARKER, "old[bot]", performed_via_github_app={"id": APP.id})
    desk.github.on(f"GET {COMMENTS}", Reply([own]))
    assert await desk.effects.find(CREATE, since=SINCE) is not None


async def test_a_comment_is_edited_and_a_deleted_one_is_not_found(desk: Bench):
    edit = EditComment(REPOSITORY, 5, "new")
    with pytest.raises(NotFound):
        await desk.effects.do(edit)
    route = "PATCH /repos/octo/app/issues/comments/5"
    desk.github.on(route, Reply(comment(5, "new")))
    assert (await desk.effects.do(edit)).id == 5
    assert desk.github.seen[-1].data == {"body": "new"}


# --- pins ---

PIN = PinComment(REPOSITORY, N12, 5)
PUT_PIN = "PUT /repos/octo/app/issues/comments/5/pin"
DELETE_PIN = "DELETE /repos/octo/app/issues/comments/5/pin"


async def test_a_comment_is_pinned_where_there_is_no_pin(desk: Bench):
    desk.github.on(ISSUE, issue(pinned_comment=None))
    desk.github.on(PUT_PIN, Reply(comment(5, "")))
    receipt = await desk.effects.do(PIN)
    assert (receipt.id, receipt.note, receipt.changed) == (5, "", True)


@pytest.mark.parametrize(
    ("about", "note"),
    [
        ({"pinned_comment": {"id": 5}}, ""),
        ({"pinned_comment": {"id": 4}}, "the issue has another pinned comment"),
        ({"pull_request": {}, "pinned_comment": None}, ""),
        ({"pull_request": {"url": "x"}}, "comments of pull requests cannot be pinned"),
    ],
)
async def test_what_stands_against_a_pin_is_noted(desk: Bench, about, note):
    desk.github.on(ISSUE, issue(**about))
    desk.github.on(PUT_PIN, Reply(comment(5, "")))
    assert (await desk.effects.do(PIN)).note == note


@pytest.mark.parametrize("status", [404, 422])
async def test_a_repository_without_pins_is_remembered(desk: Bench, status):
    desk.github.on(ISSUE, issue())
    desk.github.on(PUT_PIN, Reply({"message": "no"}, status))
    effects = desk.effects
    for intent in (PIN, PIN, UnpinComment(REPOSITORY, 5)):
        receipt = await effects.do(intent)
        assert "cannot be pinned" in receipt.note
        assert not receipt.changed
    assert desk.github.calls == [ISSUE, PUT_PIN]


async def test_a_pin_is_taken_off_and_a_missing_one_is_as_good(desk: Bench):
    unpin = UnpinComment(REPOSITORY, 5)
    assert await desk.effects.do(unpin) == Receipt(changed=False)
    desk.github.on(DELETE_PIN, Reply(status=204))
    assert (await desk.effects.do(unpin)).changed
    desk.github.on(DELETE_PIN, Reply({"message": "not yours"}, 403))
    assert "not yours" in (await desk.effects.do(unpin)).note


# --- reactions ---


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (CommentKind.ISSUE, "/repos/octo/app/issues/comments/5/reactions"),
        (CommentKind.REVIEW_COMMENT, "/repos/octo/app/pulls/comments/5/reactions"),
    ],
)
async def test_comments_get_reactions(desk: Bench, kind, path):
    react = React(REPOSITORY, kind, 5, Reaction.SEEN)
    desk.github.on(f"POST {path}", Reply({"id": 8}, 201), Reply({"id": 8}, 200))
    assert await desk.effects.do(react) == Receipt(id=8)
    assert await desk.effects.do(react) == Receipt(id=8, changed=False)
    assert desk.github.seen[-1].data == {"content": "eyes"}


async def test_reviews_get_reactions_over_graphql(desk: Bench):
    react = React(REPOSITORY, CommentKind.REVIEW, 5, Reaction.DONE, node_id="PRR_1")
    desk.github.on("POST /graphql", Reply({"data": {"addReaction": {}}}))
    assert await desk.effects.do(react) == Receipt()
    variables = desk.github.seen[-1].data["variables"]
    assert variables == {"subject": "PRR_1", "content": "HOORAY"}
    receipt = await desk.effects.do(replace(react, node_id=""))
    assert "node id" in receipt.note


# --- labels, assignees, state ---


async def test_only_labels_that_differ_are_changed(desk: Bench):
    labels = [{"name": "Bug"}, {"name": "a/b"}, {"name": "gone"}]
    desk.github.on(ISSUE, issue(labels=labels))
    then = [{"name": "Bug"}, {"name": "gone"}, {"name": "New"}]
    desk.github.on(ISSUE, issue(labels=labels), issue(labels=then[:1]))
    desk.github.on("POST /repos/octo/app/issues/12/labels", Reply(then))
    desk.github.on("DELETE /repos/octo/app/issues/12/labels/a%2Fb", Reply(then))
    change = ChangeLabels(
        REPOSITORY, N12, add=("bug", "new"), remove=("A/B", "none", "gone")
    )
    receipt = await desk.effects.do(change)
    assert receipt == Receipt(id=12, url=URL, added=("new",), removed=("a/b",))
    assert desk.github.calls == [
        ISSUE,
        "POST /repos/octo/app/issues/12/labels",
        "DELETE /repos/octo/app/issues/12/labels/a%2Fb",
        "DELETE /repos/octo/app/issues/12/labels/gone",
        ISSUE,  # one that GitHub does not find is looked for
    ]
    added = next(one for one in desk.github.seen if str(one).endswith("12/labels"))
    assert added.data == {"labels": ["bug", "new"]}


async def test_labels_that_are_so_already_cost_one_read(desk: Bench):
    desk.github.on(ISSUE, issue(labels=[{"name": "bug"}]))
    change = ChangeLabels(REPOSITORY, N12, add=("bug",), remove=("none",))
    assert not (await desk.effects.do(change)).changed
    assert desk.github.calls == [ISSUE]


FACTS = ItemFacts(
    *(N12, ItemKind.ISSUE, "Title", "", URL, True, SINCE), labels=("Bug", "old")
)
POST_LABELS = "POST /repos/octo/app/issues/12/labels"
DELETE_OLD = "DELETE /repos/octo/app/issues/12/labels/old"


def delivery(*labels: Any, second: int = 1, kind: str = "issue") -> dict[str, Any]:
    item = {
        "number": 12,
        "html_url": URL,
        "updated_at": f"2026-03-03T14:00:{second:02}Z",
        "labels": [{"name": one} for one in labels],
    }
    return {"repository": {"id": 1}, kind: item}


async def label(desk: Bench, *add: str, remove: tuple[str, ...] = ()) -> Receipt:
    return await desk.effects.do(ChangeLabels(REPOSITORY, N12, add, remove))


async def test_labels_that_are_known_are_not_read_again(desk: Bench):
    desk.client.labels.tell(REPOSITORY, {N12: FACTS})
    desk.github.on(POST_LABELS, Reply([{"name": "Bug"}, {"name": "new"}]))
    desk.github.on(DELETE_OLD, Reply([]))
    assert await label(desk, "bug", "new", remove=("OLD", "none")) == Receipt(
        12, URL, added=("new",), removed=("old",)
    )
    assert desk.github.calls == [POST_LABELS, DELETE_OLD]
    # What was written is known no more.
    desk.github.on(ISSUE, issue(labels=[{"name": "bug"}, {"name": "new"}]))
    assert not (await label(desk, "new")).changed
    assert desk.github.calls[2:] == [ISSUE]


async def test_what_seems_to_be_so_already_is_looked_up_before_it_is_said(desk: Bench):
    desk.client.labels.tell(REPOSITORY, {N12: FACTS})
    desk.github.on(ISSUE, issue(labels=[{"name": "old"}]))
    desk.github.on(POST_LABELS, Reply([{"name": "bug"}]))
    assert (await label(desk, "bug")).changed
    assert desk.github.calls == [ISSUE, POST_LABELS]


async def test_a_label_that_was_taken_off_meanwhile_is_no_change(desk: Bench):
    desk.client.labels.tell(REPOSITORY, {N12: FACTS})
    desk.github.on(ISSUE, issue())
    receipt = await label(desk, remove=("old",))
    assert not receipt.changed
    assert desk.github.calls == [DELETE_OLD, ISSUE]


async def test_a_label_that_is_not_found_and_stays_was_not_taken_off(desk: Bench):
    """GitHub answers 404 where it does not let the app do something, too."""
    desk.client.labels.tell(REPOSITORY, {N12: FACTS})
    desk.github.on(ISSUE, issue(labels=[{"name": "old"}]))
    with pytest.raises(NotFound):
        await label(desk, remove=("old",))


async def test_labels_that_github_drops_are_noted(desk: Bench):
    desk.github.on(ISSUE, issue())
    desk.github.on(POST_LABELS, Reply([{"name": "bug"}]))
    receipt = await label(desk, "bug", "new")
    assert (receipt.added, receipt.note) == (("bug",), "new could not be put on")


@pytest.mark.parametrize("kind", ["issue", "pull_request"])
async def test_deliveries_keep_known_labels_as_they_are(desk: Bench, kind: str):
    known = desk.client.labels
    known.tell(REPOSITORY, {N12: FACTS})
    desk.reader.heard(delivery("new", second=2, kind=kind))
    desk.reader.heard(delivery("late", second=1, kind=kind))
    known.tell(REPOSITORY, {N12: FACTS})
    found = known.of(REPOSITORY, N12)
    assert found is not None
    assert found.labels == {"new"}
    await desk.clock.sleep(601)
    assert known.of(REPOSITORY, N12) is None


async def test_of_two_deliveries_of_one_second_neither_is_believed(desk: Bench):
    desk.reader.heard(delivery("one"))
    desk.reader.heard(delivery("one"))
    assert desk.client.labels.of(REPOSITORY, N12) is not None
    desk.reader.heard(delivery("other"))
    assert desk.client.labels.of(REPOSITORY, N12) is None


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"repository": None, "issue": []},
        {"repository": {"id": "1"}, "issue": delivery()["issue"]},
        delivery(7),
        {**delivery(), "issue": {**delivery()["issue"], "labels": ["bug"]}},
        {**delivery(), "issue": {**delivery()["issue"], "labels": "bug"}},
        {**delivery(), "issue": {**delivery()["issue"], "updated_at": "2026-13"}},
        {**delivery(), "issue": {**delivery()["issue"], "updated_at": "2026-03-03"}},
    ],
)
async def test_a_strange_delivery_tells_nothing(desk: Bench, strange: dict[str, Any]):
    desk.reader.heard(strange)
    assert desk.client.labels.of(REPOSITORY, N12) is None


async def test_people_whom_github_drops_are_noted(desk: Bench):
    people = [{"login": "Ada"}, {"login": "bob"}]
    desk.github.on(ISSUE, issue(assignees=people))
    route = "/repos/octo/app/issues/12/assignees"
    desk.github.on(f"POST {route}", Reply({"assignees": [*people, {"login": "cy"}]}))
    desk.github.on(f"DELETE {route}", Reply({"assignees": []}))
    change = ChangeAssignees(
        REPOSITORY, N12, add=("ada", "cy", "dan", "eve"), remove=("BOB", "zoe")
    )
    receipt = await desk.effects.do(change)
    assert receipt.note == "dan and eve cannot be assigned here"
    assert receipt.changed
    assert [one.data for one in desk.github.seen[-2:]] == [
        {"assignees": ["cy", "dan", "eve"]},
        {"assignees": ["BOB"]},
    ]


async def test_nothing_changed_when_everybody_was_dropped(desk: Bench):
    desk.github.on(ISSUE, issue())
    desk.github.on("POST /repos/octo/app/issues/12/assignees", issue())
    change = ChangeAssignees(REPOSITORY, N12, add=("dan",))
    receipt = await desk.effects.do(change)
    assert (receipt.changed, receipt.note) == (False, "dan cannot be assigned here")


@pytest.mark.parametrize(
    ("now", "wanted", "sent"),
    [
        (
            {"state": "open", "state_reason": None},
            ChangeState(REPOSITORY, N12, False, False, "not_planned"),
            {"state": "closed", "state_reason": "not_planned"},
        ),
        (
            {"state": "closed", "state_reason": "completed"},
            ChangeState(REPOSITORY, N12, False, False, "not_planned"),
            {"state": "closed", "state_reason": "not_planned"},
        ),
        (
            {"state": "closed", "state_reason": "completed"},
            ChangeState(REPOSITORY, N12, False, False),
            None,
        ),
        (
            {"state": "closed", "state_reason": "completed"},
            ChangeState(REPOSITORY, N12, True, False, "completed"),
            {"state": "open"},
        ),
    ],
)
async def test_a_state_is_changed_if_it_differs(desk: Bench, now, wanted, sent):
    desk.github.on(ISSUE, issue(**now))
    desk.github.on("PATCH /repos/octo/app/issues/12", issue())
    receipt = await desk.effects.do(wanted)
    assert receipt.changed is (sent is not None)
    assert desk.github.seen[-1].data == sent


async def test_pull_requests_are_closed_as_such(desk: Bench):
    desk.github.on("GET /repos/octo/app/pulls/12", issue())
    desk.github.on("PATCH /repos/octo/app/pulls/12", issue())
    close = ChangeState(REPOSITORY, N12, False, True, "not_planned")
    assert (await desk.effects.do(close)).changed
    assert desk.github.seen[-1].data == {"state": "closed"}


async def test_a_milestone_that_github_leaves_is_noted(desk: Bench):
    """Without push access GitHub takes the request and leaves the milestone."""
    desk.github.on(ISSUE, issue(milestone=None))
    titles = [{"number": 3, "title": "2.4 "}, {"number": 4, "title": "2.4"}]
    desk.github.on("GET /repos/octo/app/milestones", Reply(titles))
    desk.github.on("PATCH /repos/octo/app/issues/12", issue(milestone=None))
    receipt = await desk.effects.do(ChangeMilestone(REPOSITORY, N12, "2.4"))
    assert (receipt.changed, receipt.note) == (False, "GitHub set none")
    assert desk.github.seen[-1].data == {"milestone": 4}


async def test_a_milestone_that_somebody_else_has_set_is_not_taken_back(desk: Bench):
    desk.github.on(ISSUE, issue(milestone={"title": "3.0"}))
    receipt = await desk.effects.do(ChangeMilestone(REPOSITORY, N12, "2.4", "2.5"))
    assert (receipt.changed, receipt.left) == (False, "3.0")
    assert desk.github.seen[-1].method == "GET"


REVIEWED = "GET /repos/octo/app/pulls/12"
ASKED = "/repos/octo/app/pulls/12/requested_reviewers"


def reviewed(*logins: str, author: Any = None, **more: Any) -> Reply:
    people = [{"login": login} for login in logins]
    whole = {"html_url": URL, "user": author, "requested_reviewers": people}
    return Reply({**whole, "requested_teams": [], "node_id": "PR_1", **more})


async def test_whom_github_leaves_out_of_a_request_in_silence_is_noted(desk: Bench):
    desk.github.on(REVIEWED, reviewed())
    desk.github.on(f"POST {ASKED}", reviewed("Ada"))
    change = ChangeReviewers(REPOSITORY, N12, add=("ada", "copilot[bot]"))
    receipt = await desk.effects.do(change)
    assert (receipt.added, receipt.note) == (
        ("ada",),
        "GitHub did not ask copilot[bot]",
    )


async def test_a_request_that_github_keeps_in_silence_is_noted(desk: Bench):
    desk.github.on(REVIEWED, reviewed("ada"))
    desk.github.on(f"DELETE {ASKED}", reviewed("ada"))
    change = ChangeReviewers(REPOSITORY, N12, remove=("ada", "bob"))
    receipt = await desk.effects.do(change)
    assert (receipt.changed, receipt.note) == (False, "ada could not be taken off")
    assert desk.github.seen[-1].data == {"reviewers": ["ada"], "team_reviewers": []}


async def test_a_refusal_that_is_no_422_is_asked_of_nobody_else(desk: Bench):
    desk.github.on(REVIEWED, reviewed())
    desk.github.on(f"POST {ASKED}", Reply({"message": "Not for apps"}, 403))
    with pytest.raises(Refused, match="Not for apps"):
        await desk.effects.do(ChangeReviewers(REPOSITORY, N12, add=("ada", "bob")))
    assert desk.github.calls.count(f"POST {ASKED}") == 1


async def test_a_draft_that_github_leaves_is_noted(desk: Bench):
    desk.github.on(REVIEWED, reviewed(draft=True))
    marked = {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": True}}}
    desk.github.on("POST /graphql", Reply({"data": marked}))
    receipt = await desk.effects.do(ChangeDraft(REPOSITORY, N12, is_draft=False))
    assert (receipt.changed, receipt.note) == (False, "GitHub left it a draft")
    assert desk.github.seen[-1].data["variables"] == {"id": "PR_1"}


async def test_a_mark_whose_answer_is_lost_may_have_been_made(desk: Bench):
    desk.github.on(REVIEWED, reviewed(draft=True))
    desk.github.on("POST /graphql", Reply(text="<html>", status=502))
    with pytest.raises(Uncertain):
        await desk.effects.do(ChangeDraft(REPOSITORY, N12, is_draft=False))


# --- pull requests ---

PULLS = "/repos/octo/app/pulls"
OPEN = OpenPullRequest(
    REPOSITORY, "batch/b7k2/12", "a" * 40, "main", "Fix", "Closes #12"
)


def pull(number: int = 71, *, sha: str = "a" * 40, **more: Any) -> dict[str, Any]:
    head = {"ref": "batch/b7k2/12", "sha": sha}
    url = f"https://github.com/octo/app/pull/{number}"
    return {"number": number, "html_url": url, "head": head, "state": "open"} | more


def refusal(message: str) -> Reply:
    errors = [{"code": "custom", "message": message}]
    return Reply({"message": "Validation Failed", "errors": errors}, 422)


async def test_a_draft_is_opened_and_its_head_read_back(desk: Bench):
    desk.github.on(f"POST {PULLS}", Reply(pull(), 201))
    receipt = await desk.effects.do(OPEN)
    assert (receipt.id, receipt.sha, receipt.note) == (71, "a" * 40, "")
    assert desk.github.seen[-1].data == {
        "title": "Fix",
        "body": "Closes #12",
        "head": "batch/b7k2/12",
        "base": "main",
        "draft": True,
    }


async def test_another_head_than_the_pushed_one_is_noted(desk: Bench):
    desk.github.on(f"POST {PULLS}", Reply(pull(sha="b" * 40), 201))
    receipt = await desk.effects.do(OPEN)
    assert receipt.sha == "b" * 40
    assert receipt.note == "its head is bbbbbbb, not aaaaaaa"


async def test_a_plain_one_is_opened_where_there_are_no_drafts(desk: Bench):
    no_drafts = {"message": "Draft pull requests are not supported in this repository."}
    desk.github.on(f"POST {PULLS}", Reply(no_drafts, 422), Reply(pull(), 201))
    assert (await desk.effects.do(OPEN)).id == 71
    assert desk.github.seen[-1].data["draft"] is False


async def test_one_that_exists_already_is_taken(desk: Bench):
    desk.github.on(
        f"POST {PULLS}",
        refusal("A pull request already exists for octo:batch/b7k2/12."),
    )
    desk.github.on(f"GET {PULLS}", Reply([pull()]))
    receipt = await desk.effects.do(OPEN)
    assert (receipt.id, receipt.changed) == (71, False)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("No commits between main and batch/b7k2/12", "nothing that main does not"),
        ("Something else", ""),
    ],
)
async def test_a_refusal_comes_with_advice(desk: Bench, message, advice):
    desk.github.on(f"POST {PULLS}", refusal(message))
    with pytest.raises(Refused, match=message) as caught:
        await desk.effects.do(OPEN)
    assert advice in caught.value.advice


async def test_a_base_that_is_gone_is_known(desk: Bench):
    """As GitHub says it: a field and a code, no sentence."""
    gone = {"resource": "PullRequest", "field": "base", "code": "invalid"}
    answer = {"message": "Validation Failed", "errors": [gone]}
    desk.github.on(f"POST {PULLS}", Reply(answer, 422))
    with pytest.raises(BranchMissing, match="no branch main"):
        await desk.effects.do(OPEN)


async def test_one_is_found_by_its_branch_in_any_state_an_open_one_first(desk: Bench):
    other = pull(90)
    other["head"] = {"ref": "main", "sha": "c" * 40}
    closed = pull(80, state="closed", merged_at=None)
    desk.github.on(f"GET {PULLS}", Reply([other, closed, pull(71)]))
    found = await desk.effects.find(OPEN, since=SINCE)
    assert found is not None
    assert found.id == 71
    query = {"head": "octo:batch/b7k2/12", "state": "all", "per_page": "100"}
    assert desk.github.seen[-1].query == query
    desk.github.on(f"GET {PULLS}", Reply([other, closed]))
    found = await desk.effects.find(OPEN, since=SINCE)
    assert found is not None
    assert (found.id, found.note) == (80, "it is closed")
    desk.github.on(f"GET {PULLS}", Reply([other]))
    assert await desk.effects.find(OPEN, since=SINCE) is None


# --- another base ---

PULL = f"{PULLS}/71"
REBASE = ChangeBase(REPOSITORY, ItemNumber(71), "batch/a1a1/10", "main")


def based(base: str, **more: Any) -> Reply:
    return Reply(pull(base={"ref": base}) | more)


async def test_a_pull_request_goes_to_another_base_once(desk: Bench):
    desk.github.on(f"GET {PULL}", based("batch/a1a1/10"), based("main"))
    desk.github.on(f"PATCH {PULL}", based("main"))
    receipt = await desk.effects.do(REBASE)
    assert (receipt.id, receipt.changed, receipt.note) == (71, True, "")
    assert desk.github.seen[-1].data == {"base": "main"}
    again = await desk.effects.do(REBASE)
    assert (again.changed, again.note) == (False, "")
    assert desk.github.seen[-1].method == "GET"


@pytest.mark.parametrize(
    ("now", "note"),
    [
        (based("next"), "its base is next by now"),
        (based("batch/a1a1/10", state="closed"), "it is closed"),
    ],
)
async def test_a_pull_request_that_others_changed_is_left_alone(
    desk: Bench, now: Reply, note: str
):
    desk.github.on(f"GET {PULL}", now)
    receipt = await desk.effects.do(REBASE)
    assert (receipt.changed, receipt.note) == (False, note)


async def test_why_github_changes_no_base_is_noted(desk: Bench):
    desk.github.on(f"GET {PULL}", based("batch/a1a1/10"))
    said = "There are no new commits between base branch 'main' and head branch 'x'"
    desk.github.on(f"PATCH {PULL}", refusal(said))
    receipt = await desk.effects.do(REBASE)
    assert not receipt.changed
    assert said in receipt.note
    gone = {"resource": "PullRequest", "field": "base", "code": "invalid"}
    answer = {"message": "Validation Failed", "errors": [gone]}
    desk.github.on(f"PATCH {PULL}", Reply(answer, 422))
    with pytest.raises(BranchMissing, match="no branch main"):
        await desk.effects.do(REBASE)


# --- the rest ---


async def test_what_may_be_repeated_is_not_looked_for(desk: Bench):
    assert await desk.effects.find(PIN, since=SINCE) is None
    assert desk.github.calls == []


async def test_pushing_is_not_done_here(desk: Bench):
    push = PushBranch(REPOSITORY, "batch/b7k2/12", "a" * 40)
    with pytest.raises(TypeError):
        await desk.effects.do(push)
    with pytest.raises(TypeError):
        await desk.effects.find(push, since=SINCE)
