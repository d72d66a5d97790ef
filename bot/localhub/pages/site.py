"""Which page stands where."""

from aiohttp import web

from bot.localhub.hub import LocalHub
from bot.localhub.pages.apps import Apps
from bot.localhub.pages.forms import Forms
from bot.localhub.pages.frame import FOLDER, RestartBot
from bot.localhub.pages.views import Views
from bot.localhub.sign_ins import AUTHORIZE


def add_pages(
    app: web.Application,
    hub: LocalHub,
    *,
    restart_bot: RestartBot | None = None,
    dashboard_url: str | None = None,
) -> None:
    """Mount the pages. Without *restart_bot* there is no button that kills the bot."""
    pages = Pages(hub, restart_bot, dashboard_url)
    app.middlewares.append(pages.watch)
    app.on_shutdown.append(pages.close)
    thread = "/{owner}/{name}/{kind:issues|pull}/{number:[0-9]+}"
    for path, handler in (
        ("/", pages.home),
        ("/{owner}/{name}", pages.repository),
        ("/{owner}/{name}/{kind:issues|pulls}", pages.threads),
        ("/{owner}/{name}/issues/new", pages.new_issue),
        (thread, pages.thread),
        ("/{owner}/{name}/pull/{number:[0-9]+}/files", pages.files),
        ("/{owner}/{name}/commit/{sha:[0-9a-f]{7,40}}", pages.commit),
        ("/{owner}/{name}/runs/{id:[0-9]+}", pages.check_run),
        ("/{owner}/{name}/blob/{ref}/{path:.+}", pages.blob),
        ("/-/live/{owner}/{name}/{number:[0-9]+}", pages.live),
        ("/-/webhooks", pages.webhooks),
        ("/-/webhooks/{id:[0-9]+}", pages.webhook),
        ("/-/api", pages.api_log),
        (AUTHORIZE, pages.authorize),
        ("/apps/{slug}/installations/new", pages.install),
        ("/settings/installations/{id:[0-9]+}", pages.installation),
    ):
        app.router.add_get(path, pages.shown(handler))
    for path, handler in (
        ("/{owner}/{name}/issues", pages.post_issue),
        ("/{owner}/{name}/labels", pages.post_label_of_many),
        (thread + "/comments", pages.post_comment),
        (thread + "/boxes", pages.post_box),
        (thread + "/labels", pages.post_labels),
        (thread + "/state", pages.post_state),
        (thread + "/pull-request", pages.post_pull_request),
        (thread + "/checks", pages.post_check),
        ("/{owner}/{name}/runs/{id:[0-9]+}", pages.post_check_run),
        ("/-/user", pages.post_user),
        ("/-/budget", pages.post_budget),
        ("/-/faults", pages.post_faults),
        ("/-/bot", pages.post_bot),
        ("/-/webhooks/{id:[0-9]+}", pages.post_redelivery),
        (AUTHORIZE, pages.post_authorize),
        ("/settings/apps/manifest", pages.post_app),
        ("/apps/{slug}/installations", pages.post_install),
    ):
        app.router.add_post(path, pages.accepted(handler))
    for owner in ("", "/organizations/{organization}"):
        path = f"{owner}/settings/apps/new"
        app.router.add_post(path, pages.shown(pages.post_manifest))
    app.router.add_static("/-/static", FOLDER / "static")


class Pages(Views, Forms, Apps):
    """All pages of one hub."""
