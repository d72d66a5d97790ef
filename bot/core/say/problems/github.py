"""What can go wrong with GitHub, besides the classes of ``bot.core.world.answers``."""

from dataclasses import dataclass

from bot.core.model import Role
from bot.core.world.freezes import Freeze, frozen_words
from bot.core.world.markdown import cut
from bot.errors import Problem

_SAID_LENGTH = 300


@dataclass(frozen=True, slots=True)
class KeyRefused(Problem):
    """GitHub goes on not to take the app's key, and has *said* so."""

    said: str
    advice = "Check APP_ID, PRIVATE_KEY and this machine's clock."

    def __str__(self) -> str:
        return self.said


_SIGN_IN = {
    "access_denied": (
        "You did not let the app know who you are at GitHub",
        "Sign in again and allow it, or ask for a link to the batch.",
    ),
    "application_suspended": (
        "GitHub has suspended the app",
        "The app's owner has to ask GitHub why.",
    ),
    "bad_verification_code": (
        "GitHub's answer to the sign-in is used up or too old",
        "Sign in again.",
    ),
    "incorrect_client_credentials": (
        "GitHub does not know the app by this server's CLIENT_ID and CLIENT_SECRET",
        "The operator has to set those of the app.",
    ),
    "redirect_uri_mismatch": (
        "GitHub does not know this server's address as a callback of the app",
        "The operator has to add WEB_URL with /sign-in/callback to the app's settings.",
    ),
    "unverified_user_email": (
        "GitHub has not verified your e-mail address yet",
        "Verify it at GitHub, and sign in again.",
    ),
}


@dataclass(frozen=True, slots=True)
class SignInRefused(Problem):
    """GitHub does not say who somebody is: its name for why, and what it *said*."""

    error: str
    said: str = ""

    def __str__(self) -> str:
        if self.error in _SIGN_IN:
            return f"{_SIGN_IN[self.error][0]}."
        why = cut(self.said or self.error, _SAID_LENGTH)
        return f"GitHub refused the sign-in: {why}"

    @property
    def advice(self) -> str:
        """What helps, and who can do it."""
        return _SIGN_IN[self.error][1] if self.error in _SIGN_IN else "Sign in again."


@dataclass(frozen=True, slots=True)
class FrozenMeanwhile(Problem):
    """A base was frozen while a merge into it waited for its turn."""

    freeze: Freeze

    def __str__(self) -> str:
        return f"It waits for {frozen_words(self.freeze)}."


@dataclass(frozen=True, slots=True)
class RunUnknown(Problem):
    """A run was asked for, and nobody can say which one it is, or whether it *is_begun*."""

    file: str
    is_begun: bool = False

    def __str__(self) -> str:
        if self.is_begun:
            return f"GitHub has begun a run of {self.file} and does not say which one it is."
        return f"A run of {self.file} was asked for, and whether it began is unknown."

    @property
    def advice(self) -> str:
        """What somebody can do about it."""
        return (
            "Look at the workflow's runs by hand before you give the command again. An"
            " input `batch_attempt` that its `run-name` shows lets me find them."
        )


@dataclass(frozen=True, slots=True)
class WorkflowGone(Problem):
    """A workflow went between the plan and its run."""

    file: str
    advice = "Nothing was begun. Bring the file back, then retry the item."

    def __str__(self) -> str:
        return f"GitHub does not find the workflow {self.file} any more."


@dataclass(frozen=True, slots=True)
class TooManyInputs(Problem):
    """An older server, which says only now how many inputs a run may get: *taken*."""

    file: str
    taken: int
    given: int

    def __str__(self) -> str:
        return (
            f"This GitHub server takes {self.taken} inputs with a run, and {self.file}"
            f" would get {self.given}."
        )

    @property
    def advice(self) -> str:
        """What makes them fewer."""
        return (
            "Nothing was begun. Give fewer, or declare fewer of the bot's own"
            " (`batch_…`) in the workflow, then give the command again."
        )


@dataclass(frozen=True, slots=True)
class NotInstalled(Problem):
    """The app's installation is gone."""

    advice = "Install the app again."

    def __str__(self) -> str:
        return "The app is no longer installed there."


@dataclass(frozen=True, slots=True)
class TakenFromApp(Problem):
    """The installation does not have the repository any more."""

    advice = "Give the app access to it again."

    def __str__(self) -> str:
        return "The repository was taken from the app."


@dataclass(frozen=True, slots=True)
class Unseen(Problem):
    """A repository of a batch is not there for the app."""

    repository: str
    advice = "Give the app access to it again."

    def __str__(self) -> str:
        return f"{self.repository} cannot be seen by the app any more."


@dataclass(frozen=True, slots=True)
class Replaced(Problem):
    """The name of a repository has come to stand for another one."""

    repository: str

    def __str__(self) -> str:
        return f"{self.repository} is another repository by now."


@dataclass(frozen=True, slots=True)
class MovedAway(Problem):
    """An issue or pull request was moved to another repository."""

    repository: str

    def __str__(self) -> str:
        return f"It was moved from {self.repository} to another repository."


@dataclass(frozen=True, slots=True)
class RoleFell(Problem):
    """Whoever started a batch has no longer the role for it."""

    login: str
    has: Role
    needs: Role

    def __str__(self) -> str:
        has, needs = self.has.name.lower(), self.needs.name.lower()
        return f"{self.login} has {has} access now, not {needs}"

    @property
    def advice(self) -> str:
        """Who may."""
        return f"Somebody with {self.needs.name.lower()} access can retry it."


@dataclass(frozen=True, slots=True)
class NoMilestone(Problem):
    """The milestone of that *title* is gone."""

    title: str

    def __str__(self) -> str:
        return f"There is no milestone {self.title} any more."


@dataclass(frozen=True, slots=True)
class DraftRefused(Problem):
    """GitHub makes no draft of a pull request, or does not end that: so it *said*."""

    said: str
    is_draft: bool

    def __str__(self) -> str:
        return cut(self.said, _SAID_LENGTH)

    @property
    def advice(self) -> str:
        """What GitHub does not say: it speaks of a plan as of a permission."""
        needs = "The app needs contents: write and pull_requests: write for it."
        plans = "Private repositories have drafts with GitHub Team or Enterprise alone."
        return f"{plans} {needs}" if self.is_draft else needs


@dataclass(frozen=True, slots=True)
class PullRequestRefused(Problem):
    """GitHub opens no pull request of *head* into *base*, and has *said* why."""

    said: str
    head: str
    base: str

    def __str__(self) -> str:
        return self.said

    @property
    def advice(self) -> str:
        """What GitHub's words are about, if they are known."""
        if "No commits between" in self.said:
            return (
                f"The branch {self.head} has nothing that {self.base} does not have:"
                " the change may be there already."
            )
        if "base" in self.said:
            return f"Check that the branch {self.base} still exists."
        return ""


@dataclass(frozen=True, slots=True)
class LargeFilesWait(Problem):
    """What is kept with Git LFS cannot be uploaded now."""

    said: str

    def __str__(self) -> str:
        return f"large files cannot be uploaded now: {self.said}"


@dataclass(frozen=True, slots=True)
class LargeFilesRefused(Problem):
    """The server does not take what is kept with Git LFS."""

    said: str
    advice = "Look at the repository's Git LFS: its quota, and who may write."

    def __str__(self) -> str:
        said = cut(self.said, _SAID_LENGTH)
        return f"the large files of the change cannot be uploaded: {said}"


@dataclass(frozen=True, slots=True)
class LargeFilesMixedUp(Problem):
    """The server speaks of other files than it was asked about."""

    advice = "Look at the repository's Git LFS: its quota, and who may write."

    def __str__(self) -> str:
        return (
            "the large files of the change cannot be uploaded: the answer is not about"
            " these files"
        )


@dataclass(frozen=True, slots=True)
class NotLookedUp(Problem):
    """Whether a change was made cannot be found out. *effect* names its kind."""

    effect: str

    def __str__(self) -> str:
        return f"{self.effect} cannot be looked up: unknown, check by hand"


@dataclass(frozen=True, slots=True)
class EarlierWaits(Problem):
    """A control may be about what an earlier command has not begun yet."""

    def __str__(self) -> str:
        return "an earlier command of the thread still waits for GitHub"


@dataclass(frozen=True, slots=True)
class AwaitedGone(Problem):
    """What an item waits for is not on GitHub any more."""

    def __str__(self) -> str:
        return "what was waited for cannot be found on GitHub any more"
