"""Where an operator's program lies: its links, its interpreter, the folders it needs.

People have programs as links in ``~/.local/bin``, in packages of npm and in virtual
environments, where the file alone is not the program.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.say import programs as words

_MOST_LINKS = 40  # as the kernel has it
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh"}
_WORD = re.compile(r"[\w./+-]+")
_SCRIPT_BYTES = 16 * 1024
_PATH = re.compile(r"(?<![\w.:/~$-])/[\w.@+/-]+[\w]")


@dataclass(slots=True)
class Trail:
    """What a command line leads to. ``faults`` say what is not there, for its operator."""

    links: dict[Path, str] = field(default_factory=dict)
    places: set[Path] = field(default_factory=set)  # free of links: files and folders
    programs: list[Path] = field(default_factory=list)  # that have to be executable
    mentions: list[Path] = field(default_factory=list)  # in scripts: perhaps needed
    faults: list[str] = field(default_factory=list)


def trail_of(argv: Sequence[str], path: str) -> Trail:
    """Follow the program, its interpreter and the files that *argv* names.

    *path* is the ``PATH`` that commands get. A program within the repository, such as
    ``scripts/fix.sh``, is not known before there is a workspace.
    """
    trail = Trail()
    program, *words = argv
    if program.startswith("/") or "/" not in program:
        _follow_program(trail, program, path, said=program)
    for word in words:
        if word.startswith("/") and os.path.lexists(word):
            _follow(trail, Path(word))
    if Path(program).name in _SHELLS and "-c" in words:
        _follow_words(trail, words[words.index("-c") + 1 :], path)
    return trail


def _follow_words(trail: Trail, scripts: Sequence[str], path: str) -> None:
    """Show whatever of a shell's words is a program; not all of them may be meant as one."""
    for word in {word for script in scripts for word in _WORD.findall(script)}:
        found = shutil.which(word, path=path)
        if found is not None:
            perhaps = Trail()
            _follow_program(perhaps, found, path, said=found)
            trail.links.update(perhaps.links)
            trail.places.update(perhaps.places)


def _follow_program(trail: Trail, name: str, path: str, *, said: str) -> None:
    found = name if "/" in name else shutil.which(name, path=path)
    what = said if said == name else words.wanted_by(said, name)
    if found is None:
        trail.faults.append(words.not_on_path(what, path))
        return
    program = Path(found)
    end = _follow(trail, program)
    if end is None:
        target = str(program.readlink()) if program.is_symlink() else ""
        trail.faults.append(words.missing(what, target))
    elif end.is_dir() or not os.access(end, os.X_OK):
        trail.faults.append(words.no_program(what))
    else:
        trail.programs.append(program)
        text = _script(end)
        trail.mentions += _mentioned(text)
        for interpreter in _interpreters(text):
            if Path(interpreter) not in trail.programs:
                _follow_program(trail, interpreter, path, said=said)


def _follow(trail: Trail, path: Path) -> Path | None:
    """Note the links on the way to a file, and what it needs around it; return it."""
    links = list(_links(path))
    for link, target in links:
        trail.links[link] = target
    try:
        end = path.resolve(strict=True)
    except (OSError, RuntimeError):  # nothing there, or links in a circle
        return None
    for one in (*(link for link, _ in links), end):
        trail.places.update(_around(one))
    trail.places.add(end)
    return end


def _links(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each link on the way to *path*, with what it says."""
    left = list(path.parts)
    here = Path(left.pop(0))
    for _ in range(_MOST_LINKS):
        while left:
            part = left.pop(0)
            here = here.parent if part == ".." else here / part
            if here.is_symlink():
                break
        else:
            return
        target = str(here.readlink())
        yield here, target
        parts = Path(target).parts
        left = [*parts, *left]
        here = Path(left.pop(0)) if target.startswith("/") else here.parent


def _around(path: Path) -> Iterator[Path]:
    """Yield the folders without which a program is only a file."""
    packages = [folder for folder in path.parents if folder.name == "node_modules"]
    yield from packages[-1:]  # the outermost: packages lie beside each other in it
    prefix = path.parent.parent
    if path.parent.name == "bin" and (
        (prefix / "pyvenv.cfg").is_file() or _is_python(prefix)
    ):
        yield prefix.resolve()


def _is_python(prefix: Path) -> bool:
    """Whether a folder is an installation of Python, and not someone's ``~/.local``."""
    programs = prefix / "bin" / "python3"
    return programs.exists() and any(prefix.glob("lib/python3*/os.py"))


def _script(program: Path) -> str:
    """Return the text of a short script, nothing of any other program."""
    try:
        with program.open("rb") as file:
            content = file.read(_SCRIPT_BYTES + 1)
    except OSError:  # only to be executed
        return ""
    is_script = content.startswith(b"#!") and b"\0" not in content
    if len(content) > _SCRIPT_BYTES:  # of a long one the first line is enough
        content = content.split(b"\n", 1)[0]
    return content.decode("utf-8", "replace") if is_script else ""


def _interpreters(script: str) -> Iterator[str]:
    """Yield what the first line names, and what env looks up for it."""
    first = script.partition("\n")[0]
    interpreter, _, rest = first.removeprefix("#!").strip().partition(" ")
    if not interpreter:
        return
    yield interpreter
    if Path(interpreter).name == "env":
        words = shlex.split(rest.removeprefix("-S").removeprefix("--split-string="))
        yield from [w for w in words if "=" not in w and not w.startswith("-")][:1]


def _mentioned(script: str) -> list[Path]:
    """Return the files that the lines after the first name by their whole path."""
    rest = script.partition("\n")[2]
    found = dict.fromkeys(Path(word) for word in _PATH.findall(rest))
    return [path for path in found if path.is_file() and os.access(path, os.X_OK)]
