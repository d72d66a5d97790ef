"""``/batch review``: what is certain about a pull request, posted once a head."""

from bot.localhub.ci import Annotation, CheckRun
from bot.localhub.faults import Fault
from bot.localhub.pulls import pull_of
from bot.localhub.state import Review, ReviewComment
from tests.flow.world import REPOSITORY, World

RULES = """
rules:
  - {pattern: 'print\\(', paths: "**/*.py", say: "Use `log`, says @grace."}
"""


def push(on: World, number: int, files: dict[str, str], message: str = "Go on") -> None:
    on.hub.push("linus", REPOSITORY, f"topic-{number}", files, message=message)


def reviews(on: World, number: int) -> list[Review]:
    found = pull_of(on.thread(number)).reviews
    return [one for one in found if one.author is on.hub.app.bot]


def comments(on: World, number: int) -> list[ReviewComment]:
    return pull_of(on.thread(number)).review_comments


def said(review: Review) -> str:
    """Return a review without its marker."""
    return review.body.partition("\n")[2]


async def review(on: World, command: str) -> str:
    """Give a command; return the report."""
    before = len(on.comments("report"))
    await on.finished(on.say(command))
    assert len(on.comments("report")) == before + 1
    return on.said("report")


def fail(on: World, number: int, name: str) -> CheckRun:
    sha = pull_of(on.thread(number)).head_sha
    said = [Annotation(f"topic{number}.txt", 1, 1, "failure", "no `topic`")]
    return on.hub.check(REPOSITORY, sha, name, conclusion="failure", annotations=said)


async def test_a_review_says_what_is_certain_and_its_comments_are_on_lines(on: World):
    on.configure(RULES)
    on.pull_request(61)
    push(on, 61, {"src/app.py": "import os\nprint(os)\n"})
    async with on.bot():
        report = await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert posted.state == "COMMENTED"
    assert posted.commit_id == pull_of(on.thread(61)).head_sha
    assert "Changes 1 file of code and no test" in said(posted)
    assert "+3 " in said(posted)
    (comment,) = comments(on, 61)
    assert (comment.path, comment.line) == ("src/app.py", 2)
    assert comment.body == "⚠️ Use `log`, says @\u2060grace."
    assert f"#pullrequestreview-{posted.id}" in report


async def test_nothing_certain_to_say_is_one_line(on: World):
    on.pull_request(61)
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert said(posted).startswith("Nothing certain to say about `")
    assert "\n" not in said(posted)


async def test_the_same_head_is_reviewed_once_and_a_new_one_replaces_what_was_said(
    on: World,
):
    on.configure(RULES)
    on.pull_request(61)
    push(on, 61, {"app.py": "print(1)\n"})
    async with on.bot():
        await review(on, "/batch review 61")
        (first,) = reviews(on, 61)
        on.later(minutes=2)
        report = await review(on, "/batch review 61")
        assert reviews(on, 61) == [first]
        assert f"#pullrequestreview-{first.id}" in report
        assert "reviewed before" in report
        push(on, 61, {"app.py": "print(2)\n"})
        on.later(minutes=2)
        await review(on, "/batch review 61")
        old, new = reviews(on, 61)
    assert (old.minimized_as, new.minimized_as) == ("outdated", "")
    assert [one.is_resolved for one in comments(on, 61)] == [True, False]


async def test_a_review_that_is_posted_is_done_whatever_github_folds(on: World):
    on.configure(RULES)
    on.pull_request(61)
    push(on, 61, {"app.py": "print(1)\n"})
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, contents="read")
    async with on.bot():
        await review(on, "/batch review 61")
        push(on, 61, {"app.py": "print(2)\n"})
        on.later(minutes=2)
        report = await review(on, "/batch review 61")
        old, new = reviews(on, 61)
    # To resolve a conversation takes more than to review: GitHub wants contents: write.
    assert old.minimized_as == "outdated"
    assert [one.is_resolved for one in comments(on, 61)] == [False, False]
    assert f"#pullrequestreview-{new.id}" in report
    assert "not all that earlier reviews said was folded: " in report
    assert "finished — 1 of 1 done" in report


async def test_conflicts_and_checks_stand_in_the_way(on: World):
    on.pull_request(61)
    on.hub.push(
        "ada", REPOSITORY, "main", {"topic61.txt": "other\n"}, message="The same file"
    )
    fail(on, 61, "build")
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert said(posted).startswith("**1 thing stands in the way; 1 thing to know**")
    assert "- ❌ Conflicts with `main` in `topic61.txt`" in said(posted)
    assert "- 👀 Check build: failure — `topic61.txt:1` no `topic`" in said(posted)


async def test_what_github_takes_no_comments_on_is_told_in_the_summary(on: World):
    on.configure(RULES)
    on.pull_request(61)
    push(on, 61, {"app.py": "print(1)\n"})
    refused = Fault(method="POST", path="/reviews$", status=422, message="No such line")
    on.hub.faults.add(refused)
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert comments(on, 61) == []
    assert "says @\u2060grace. — `app.py:1`" in said(posted)


async def test_forty_reviews_take_few_requests_and_need_no_box(on: World):
    numbers = range(101, 141)
    for number in numbers:
        on.pull_request(number)
    # At the pace of a real server, where few questions meet in one request.
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        before = len(on.hub.log)
        await on.finished(on.say("/batch review 101-140"))
        sent = list(on.hub.log)[before:]
    assert all(len(reviews(on, number)) == 1 for number in numbers)
    assert len(sent) / len(numbers) <= 4


async def test_of_thousands_of_files_it_says_what_github_does_not_tell(on: World):
    """GitHub lists 3,000, and past 20,000 lines of an answer neither lines nor counts."""
    on.pull_request(61)
    files = {f"lib/part{n:04}.py": f"x = {n}\n" for n in range(3_100)}
    files["lib/part0000.py"] = "x = 0\n" * 19_950
    on.configure(RULES)
    push(on, 61, {**files, "lib/part0001.py": "print(1)\n"})
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    text = said(posted)
    assert "GitHub lists 3,000 of its 3,101 files: nothing is known of the rest" in text
    assert "GitHub cuts so big a diff, and shows no lines of `lib/part0" in text
    assert "Binary" not in text
    assert "3,101 files, +23,050 " in text
    (comment,) = comments(on, 61)
    assert (comment.path, comment.line) == ("lib/part0001.py", 1)
    asked = [e for e in on.hub.log if e.path.endswith("/pulls/61/files")]
    assert len(asked) == 30
