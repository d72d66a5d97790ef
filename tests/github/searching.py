"""Searches as they are typed."""

from bot.core.command.parser import parse_command
from bot.core.command.syntax import RunCommand, Search, Term


def search_of(line: str) -> Search:
    command = parse_command(f"/batch {line}")
    assert isinstance(command, RunCommand)
    (term,) = command.words
    assert isinstance(term, Term)
    assert isinstance(term.selector, Search)
    return term.selector
