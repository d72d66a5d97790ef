"""Who is there: people, teams, the app and where it is installed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class UserType(StrEnum):
    """GitHub's kinds of accounts."""

    USER = "User"
    BOT = "Bot"
    ORGANIZATION = "Organization"


@dataclass(eq=False, slots=True)
class User:
    """An account: a person, an app's bot, an organization."""

    id: int
    login: str
    type: UserType = UserType.USER


@dataclass(eq=False, slots=True)
class Team:
    """A team of an organization."""

    id: int
    slug: str
    name: str
    members: list[User] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class App:
    """The GitHub App that is tried out, as its owner registered it."""

    id: int
    slug: str
    bot: User
    owner: User
    public_key: str  # PEM
    webhook_secret: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime
    given_name: str = ""
    url: str = ""  # its home page
    description: str = ""
    is_public: bool = True  # others than its owner may install it

    @property
    def name(self) -> str:
        """What people call it."""
        return self.given_name or self.slug

    @property
    def client_id(self) -> str:
        """The other name that a JWT may carry as its issuer."""
        return f"Iv23li{self.id:014d}"


@dataclass(eq=False, slots=True)
class Installation:
    """The app on one account."""

    id: int
    account: User
    created_at: datetime
    permissions: dict[str, str]
    suspended_at: datetime | None = None
    suspended_by: User | None = None
    repository_ids: set[int] | None = None  # None: all of the account
