"""The local GitHub as one object: what people and apps do, and what can be broken.

Everything that changes goes through a method here, whoever asks for it: a page, a
test or the REST API. Each method takes the login of who does it, checks what GitHub
would check, changes the state and sends the webhooks that GitHub would send.
"""

from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe

from bot.localhub.accounts import App, Installation, UserType
from bot.localhub.api_log import ApiLog
from bot.localhub.faults import Faults
from bot.localhub.limits import Limits
from bot.localhub.merge_queue import MergeQueues
from bot.localhub.registrations import Registrations
from bot.localhub.sign_ins import SignIns
from bot.localhub.state import Now, Repository, State

APP_ID = 4242
APP_SLUG = "batch-bot"
EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "member",
    "merge_group",
    "milestone",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "repository",
    "status",
    "sub_issues",
    "workflow_job",
    "workflow_run",
)
PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}
TOKEN_SECONDS = 3600


class Token:
    """An installation token: what it may do, where, and until when."""

    def __init__(
        self,
        installation: Installation,
        expires_at: datetime,
        permissions: dict[str, str],
        repository_ids: set[int] | None,
        known_at: datetime,
    ) -> None:
        self.known_at = known_at
        self.value = f"ghs_{token_urlsafe(27)}"
        self.installation = installation
        self.expires_at = expires_at
        self.permissions = permissions
        self.repository_ids = repository_ids

    def allows(self, permission: str, level: str) -> bool:
        """Return whether the token has a permission at least at a level."""
        have = self.permissions.get(permission)
        return have == "write" or (have is not None and have == level)


class LocalHub(MergeQueues):
    """The local GitHub with one app: one that is registered takes the place of it."""

    def __init__(
        self,
        *,
        base_url: str,
        data_dir: Path,
        now: Now,
        private_key: str,
        public_key: str,
        webhook_secret: str,
        permissions: dict[str, str] | None = None,
    ) -> None:
        state = State(now)
        app = App(
            APP_ID,
            APP_SLUG,
            bot=state.add_user(f"{APP_SLUG}[bot]", UserType.BOT),
            owner=state.add_user("batch-bot-owner"),
            public_key=public_key,
            webhook_secret=webhook_secret,
            permissions=permissions or dict(PERMISSIONS),
            events=EVENTS,
            created_at=now(),
        )
        super().__init__(state, app, base_url=base_url, data_dir=data_dir)
        self.private_key = private_key
        self.limits = Limits(now)
        self.faults = Faults(now)
        self.log = ApiLog()
        self.tokens: dict[str, Token] = {}
        self.sign_ins = SignIns(now, lambda: self.app)
        self.registrations = Registrations(self, self.sign_ins)
        # What an older Enterprise server lacks: names of the tables of missing parts.
        self.lacks: set[str] = set()
        # What GraphQL hides: a pattern of its path → type and message.
        self.unseen: dict[str, tuple[str, str]] = {}
        self.token_lag_seconds = 0.0  # until a new token is known everywhere
        self.unsure_looks = 1  # at a pull request, before GitHub knows if it merges

    def set_webhook_url(self, url: str | None) -> None:
        """Send webhooks there from now on (None: nowhere)."""
        self.webhooks.url = url

    def new_token(
        self,
        installation: Installation,
        *,
        permissions: dict[str, str] | None = None,
        repository_ids: set[int] | None = None,
    ) -> Token:
        """Return a token of the installation, good for an hour."""
        token = Token(
            installation,
            self.now() + timedelta(seconds=TOKEN_SECONDS),
            dict(installation.permissions if permissions is None else permissions),
            repository_ids,
            self.now() + timedelta(seconds=self.token_lag_seconds),
        )
        self.tokens[token.value] = token
        return token

    def revoke_tokens(self, installation: Installation | None = None) -> None:
        """Make the tokens of an installation, or of all, worthless from now on."""
        for token in [*self.tokens.values()]:
            if installation in (None, token.installation):
                del self.tokens[token.value]

    def reaches(self, token: Token, repository: Repository) -> bool:
        """Return whether the token was made for the repository and still covers it."""
        return self.state.covers(token.installation, repository) and (
            token.repository_ids is None or repository.id in token.repository_ids
        )

    def sees(self, token: Token | None, repository: Repository) -> bool:
        """Return whether somebody with this token, or without any, may read it."""
        return not repository.is_private or (
            token is not None and self.reaches(token, repository)
        )
