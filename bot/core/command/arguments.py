"""The arguments of a leading action: what belongs to it, whatever it looks like."""

import re

from bot.core.actions.milestone import NO_MILESTONE, argument_for
from bot.core.actions.spec import SIGNED, Form
from bot.core.command.guesses import slip_of
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import DRY_RUN, MAKE, NUMERIC, quoted
from bot.core.command.tokens import GHOST, Token
from bot.core.command.words import KEYED, is_filter, is_item, login_of
from bot.core.effects import TEAM
from bot.core.model import Action

WORKFLOW = re.compile(r"[\w.-]+\.ya?ml\Z", re.IGNORECASE)
INPUT = re.compile(r"(?P<key>[A-Za-z_][\w-]*)=(?P<value>.*)", re.DOTALL)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?\Z")
_TEAM = re.compile(
    r"(?:@?team[:/]@?(?:[\w-]+/)?|@?[A-Za-z0-9][\w-]*/)(?P<slug>[A-Za-z0-9][\w.-]*)\Z",
    re.IGNORECASE,
)
_MAKES = re.compile(r"(?:[^\"\u201c]*|[\"\u201c].*[\"\u201d])!\Z", re.DOTALL)


class Arguments:
    """Reads the words that belong to the leading action of a sentence."""

    def __init__(self, sentence: Sentence) -> None:
        self._sentence = sentence
        self._found: list[str] = []

    def take(self, token: Token) -> bool:
        """Take a word, if it belongs to the action."""
        sentence = self._sentence
        match sentence.form:
            case form if form in SIGNED and token.text[0] in "+-" and token.text != "-":
                if not _is_signed(token):
                    return False
                self._signed(token)
            case Form.WORDS:
                return self._word(token)
            case Form.TEXT if token.text[0] in '"\u201c':
                text = sentence.unquoted(token)
                if text is not None and not GHOST.sub("", text).strip():
                    sentence.flaw(token.span, "these quotes say nothing", fix=None)
                elif text is not None:
                    self._argument(token, text, most=1)
            case Form.TITLE if token.text[0] in '"\u201c' or self._is_title(token):
                title = sentence.unquoted(token)
                if title is not None:
                    self._title(token, title)
            case Form.WORKFLOW if WORKFLOW.match(token.text):
                if any("=" not in argument for argument in self._found):
                    message = f"{sentence.lead_name} starts one workflow"
                    sentence.flaw(token.span, message, fix=None)
                self._found.append(token.text)
            case Form.WORKFLOW if found := INPUT.match(token.text):
                self._input(token, found)
            case _:
                return False
        return True

    def finish(self) -> None:
        """Give the action its arguments, and note if it lacks some."""
        sentence = self._sentence
        if sentence.lead is None or sentence.lead_token is None:
            return
        name = sentence.lead.name
        if sentence.form is Form.WORKFLOW:
            self._found.sort(key=lambda argument: "=" in argument)
            if self._found and "=" in self._found[0]:
                self._found.clear()
        arguments = sentence.arguments_of(name)
        if arguments.are_needed and not self._found:
            message = f"{name} needs more: write {name} {arguments.usage} 12"
            if not sentence.flaws:  # else one was there, and is a fault already
                sentence.flaw(sentence.lead_token.span, message, fix=None)
        sentence.lead = Action(name, tuple(self._found))

    def _word(self, token: Token) -> bool:
        """Take one of the words that the action knows, or name the one that was meant."""
        known = self._sentence.arguments_of(self._sentence.lead_name).words
        if token.folded in known:
            self._argument(token, token.folded, most=1)
            return True
        if not token.text[:1].isalpha() or is_item(token.text):
            return False
        meant = slip_of(token.folded, known)
        if not meant:
            return False
        self._sentence.flaw(token.span, f"did you mean {meant}?", fix=meant)
        return True

    def _is_title(self, token: Token) -> bool:
        """Return whether a word without quotes can only be the title of a milestone."""
        if token.folded == NO_MILESTONE:
            return not self._found
        has_digit = any(one.isdigit() for one in token.text)
        is_behind_lead = self._sentence.before is self._sentence.lead_token
        is_other = is_item(token.text) or KEYED.match(token.text) is not None
        return is_behind_lead and has_digit and not is_other and token.text[0].isalnum()

    def _title(self, token: Token, title: str) -> None:
        if not title.strip():
            message = "a title stands in the quotes, or none without them"
            self._sentence.flaw(token.span, message, fix=None)
            return
        is_none = token.folded == NO_MILESTONE
        self._argument(token, NO_MILESTONE if is_none else argument_for(title), most=1)

    def _argument(self, token: Token, argument: str, *, most: int) -> None:
        if argument in self._found:
            return
        if len(self._found) >= most:
            message = f"{self._sentence.lead_name} takes one of these"
            self._sentence.flaw(token.span, message, fix=None)
        self._found.append(argument)

    def _input(self, token: Token, found: re.Match[str]) -> None:
        value = self._sentence.unquoted(token.part(found.start("value")))
        if value is None:
            return
        key = found["key"]
        if any(argument.startswith(f"{key}=") for argument in self._found):
            if f"{key}={value}" not in self._found:
                self._sentence.flaw(token.span, f"{key} is given twice", fix=None)
            return
        self._found.append(f"{key}={value}")

    def _signed(self, token: Token) -> None:
        sentence = self._sentence
        sign, rest = token.text[0], token.part(1)
        is_label = sentence.form is Form.LABELS
        if is_label and sign == "+" and len(rest.text) > 1 and _MAKES.match(rest.text):
            sign, rest = MAKE, Token(rest.text[:-1], rest.column)
        if DRY_RUN.match(rest.text):
            sentence.flaw(token.span, "write dry-run", fix="dry-run")
            return
        value = sentence.unquoted(rest)
        if value is None:
            return
        if not is_label:
            if rest.folded == "me":
                sentence.flaw(token.span, f"write {sign}@me", fix=f"{sign}@me")
                return
            name = self._named(token, sign, value)
            if name is None:
                return
            value = name
        if not value.strip():
            sentence.flaw(token.span, f"nothing stands behind {sign}", fix=None)
            return
        others = [one for one in self._found if _is_opposite(one[0], sign)]
        if value.casefold() in (one[1:].casefold() for one in others):
            message = f"{quoted(value)} is both added and removed"
            sentence.flaw(token.span, message, fix=None)
        elif sign + value not in self._found:
            self._found.append(sign + value)

    def _named(self, token: Token, sign: str, value: str) -> str | None:
        """Return a login or ``team:core``, or note what is wrong with it."""
        sentence = self._sentence
        takes_teams = sentence.form is Form.REVIEWERS
        if takes_teams and (team := team_in(value)):
            plain = f"{sign}{team}"
            if token.folded != plain:
                sentence.flaw(token.span, f"a team is written {plain}", fix=plain)
                return None
            return team
        value = login_of(value)
        if value == "@me" or _LOGIN.match(value):
            return value
        teams = ", or a team as +team:core" if takes_teams else ""
        message = f"not a login; write +ada or -bob{teams}"
        parts = [login_of(part) for part in value.split("+")]
        is_several = all(map(_LOGIN.match, parts))
        fix = " ".join(f"{sign}{part}" for part in parts) if is_several else None
        sentence.flaw(token.span, message, fix=fix)
        return None


def team_in(text: str) -> str:
    """Return ``team:core`` for the ways in which a team is written; else nothing."""
    found = _TEAM.match(text)
    return f"{TEAM}{found['slug'].casefold()}" if found else ""


def _is_signed(token: Token) -> bool:
    """Return whether a word with a sign is a label or login, not an item or filter."""
    rest = token.text[1:]
    keyed = KEYED.match(rest)
    is_item_word = NUMERIC.match(rest) is not None or (
        keyed is not None and is_filter(keyed["key"].casefold(), keyed["value"])
    )
    return not (token.text[0] == "-" and is_item_word)


def _is_opposite(one: str, two: str) -> bool:
    return (one == "-") != (two == "-")
