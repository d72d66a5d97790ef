"""The forms of the pages: what a person does there."""

from http import HTTPStatus

from aiohttp import web

from bot.localhub import verdicts
from bot.localhub.display import path_of
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.markdown import set_line
from bot.localhub.pages.frame import COOKIE, Frame, back_to, number_in, see
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread

OUTAGE_SECONDS = 10
CONCLUSIONS = ("success", "failure")


class Forms(Frame):
    """What is posted."""

    async def post_issue(self, request: web.Request) -> web.StreamResponse:
        """Open an issue."""
        form, repository = await request.post(), self._repository(request)
        thread = self._hub.open_issue(
            self._login(request),
            repository.full_name,
            str(form.get("title", "")),
            str(form.get("body", "")),
        )
        return see(path_of(thread))

    async def post_comment(self, request: web.Request) -> web.StreamResponse:
        """Comment."""
        form, thread = await request.post(), self._thread(request)
        comment = self._hub.comment(
            self._login(request),
            thread.repository.full_name,
            thread.number,
            str(form.get("body", "")),
        )
        return see(f"{path_of(thread)}#issuecomment-{comment.id}")

    async def post_box(self, request: web.Request) -> web.StreamResponse:
        """Tick a box of a comment, or of the thread's own text (comment 0)."""
        form, thread = await request.post(), self._thread(request)
        id_, line = number_in(form, "comment"), number_in(form, "line")
        login, name = self._login(request), thread.repository.full_name
        body = self._hub.find_comment(name, id_).body if id_ else thread.body
        after = set_line(body, line, checked=form.get("checked") == "true")
        if after is None:
            raise GitHubError(
                409, "The text has changed meanwhile: there is no box now."
            )
        if id_:
            self._hub.edit_comment(login, name, id_, after)
        else:
            self._hub.edit_thread(login, name, thread.number, body=after)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def post_labels(self, request: web.Request) -> web.StreamResponse:
        """Add or remove a label."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        if form.get("remove"):
            self._hub.unlabel(login, name, thread.number, str(form["remove"]))
        if form.get("add"):
            self._hub.label(login, name, thread.number, str(form["add"]))
        return see(path_of(thread))

    async def post_label_of_many(self, request: web.Request) -> web.StreamResponse:
        """Put a label on all that is chosen in the list, or take it off."""
        form, repository = await request.post(), self._repository(request)
        login, name = self._login(request), repository.full_name
        label = str(form.get("label", ""))
        for chosen in form.getall("number", []):
            thread = self._hub.thread(name, int(str(chosen)))
            has_it = label in [one.name for one in thread.labels]
            if form.get("do") == "remove" and has_it:
                self._hub.unlabel(login, name, thread.number, label)
            elif form.get("do") == "add" and label:
                self._hub.label(login, name, thread.number, label)
        return see(f"/{name}/issues")

    async def post_state(self, request: web.Request) -> web.StreamResponse:
        """Close or reopen."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        if str(form.get("body", "")).strip():
            self._hub.comment(login, name, thread.number, str(form["body"]))
        if form.get("to") == "open":
            self._hub.reopen(login, name, thread.number)
        else:
            reason = str(form.get("reason", "completed"))
            self._hub.close(login, name, thread.number, reason=reason)
        return see(path_of(thread))

    async def post_pull_request(self, request: web.Request) -> web.StreamResponse:
        """Merge, queue, approve, update, mark as ready, or ask for a review."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        hub, number = self._hub, thread.number
        match form.get("do"):
            case "merge":
                hub.merge(login, name, number, method=str(form.get("method", "merge")))
            case "enqueue":
                hub.enqueue(login, name, number)
            case "dequeue":
                hub.dequeue(login, name, number)
            case "ready":
                hub.set_draft(login, name, number, is_draft=False)
            case "approve":
                hub.review(login, name, number, event="APPROVE")
            case "update":
                hub.update_branch(login, name, number)
            case "workflow":
                hub.approve_workflow(login, name, _newest_run(thread))
            case "rerun":
                hub.rerun_failed_jobs(login, name, _newest_run(thread))
            case _:
                hub.request_review(login, name, number, teams=[str(form.get("team"))])
        return see(path_of(thread))

    async def post_check(self, request: web.Request) -> web.StreamResponse:
        """Let a check of the head, or of a group in the queue, succeed or fail."""
        form, thread = await request.post(), self._thread(request)
        if thread.pull is None:
            raise not_found()
        sha, name = str(form.get("sha", "")), str(form.get("name", ""))
        conclusion = str(form.get("conclusion", ""))
        repository = thread.repository
        entry = repository.queue_entry(thread)
        shas = [pull_of(thread).head_sha, entry.group_sha if entry else None]
        if sha not in shas or conclusion not in CONCLUSIONS:
            raise GitHubError(409, "The branch has moved meanwhile.")
        statuses = verdicts.latest_statuses(repository, sha)
        if name in [status.context for status in statuses]:
            login = self._login(request)
            self._hub.add_status(login, repository.full_name, sha, name, conclusion)
        else:
            self._hub.check(repository.full_name, sha, name, conclusion=conclusion)
        return see(path_of(thread))

    async def post_check_run(self, request: web.Request) -> web.StreamResponse:
        """Press a button of a check run."""
        form, repository = await request.post(), self._repository(request)
        id_ = int(request.match_info["id"])
        login, button = self._login(request), str(form.get("button", ""))
        self._hub.press(login, repository.full_name, id_, button)
        return see(request.path)

    async def post_user(self, request: web.Request) -> web.StreamResponse:
        """Act as somebody else from now on."""
        form = await request.post()
        user = self._hub.user(str(form.get("login", "")))
        response = see(back_to(request))
        response.set_cookie(COOKIE, user.login, httponly=True, samesite="Strict")
        return response

    async def post_authorize(self, request: web.Request) -> web.StreamResponse:
        """Tell another site who this is, or that they would rather not."""
        form = await request.post()
        user = self._hub.user(self._login(request))
        is_allowed = form.get("decision") == "allow"
        to = self._hub.sign_ins.decide(user, request.query, is_allowed=is_allowed)
        return see(str(to))

    async def post_budget(self, request: web.Request) -> web.StreamResponse:
        """Set what is left of the API budget."""
        form = await request.post()
        client = self._client()
        window = self._hub.limits.window(client, "core")
        remaining = min(number_in(form, "remaining"), window.limit)
        if remaining > window.remaining:  # there is more in a new hour only
            self._hub.limits.begin_again(client)
        self._hub.limits.set_limit(client, remaining=remaining)
        return see(back_to(request))

    async def post_faults(self, request: web.Request) -> web.StreamResponse:
        """Break something, or put it right."""
        form = await request.post()
        hooks = self._hub.webhooks.faults
        match form.get("fault"):
            case "outage":
                self._hub.faults.add(
                    Fault(FaultKind.ERROR, 502, times=None, seconds=OUTAGE_SECONDS)
                )
            case "twice":
                hooks.twice = not hooks.twice
            case "dropped":
                hooks.dropped = not hooks.dropped
            case _:
                raise web.HTTPBadRequest(text="There is no such fault.\n")
        return see(back_to(request))

    async def post_bot(self, request: web.Request) -> web.StreamResponse:
        """Kill the bot and start it again."""
        if self._restart_bot is None:
            raise not_found()
        await self._restart_bot()
        return see(back_to(request))

    async def post_redelivery(self, request: web.Request) -> web.StreamResponse:
        """Send a webhook again."""
        delivery = self._hub.webhooks.find(int(request.match_info["id"]))
        if delivery is None:
            raise not_found()
        self._hub.webhooks.redeliver(delivery)
        return see("/-/webhooks")


def _newest_run(thread: Thread) -> int:
    """Return the newest workflow run of a head; raises 404."""
    head = pull_of(thread).head_sha
    runs = [run.id for run in thread.repository.workflow_runs if run.head_sha == head]
    if not runs:
        raise not_found()
    return runs[-1]
