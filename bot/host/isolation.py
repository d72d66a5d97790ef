"""How commands are kept away from the bot: the best way that works on this machine.

Nothing is taken for granted: containers and kernels forbid different parts of it, so
each way is tried once at start with a real command.
"""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from bot.core.say import programs
from bot.errors import SettingsError
from bot.host.folders import AttemptFolder
from bot.host.programs import Trail, trail_of

Mode = Literal["required", "best-effort", "off"]
"""What ``BATCH_SANDBOX`` may say."""

_TRIAL_SECONDS = 10
_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr")
_HOMES = ("/home", "/root", "/Users")
_SOCKETS = ("/run", "/var/run", "/var/tmp", "/tmp")  # noqa: S108 - hidden, not used
_SECRETS = (
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/ssl/private",
    "/etc/kubernetes",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/spool/cron",
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """A way to run a command. ``notes`` say what it does not do."""

    name: str
    notes: tuple[str, ...]
    prefix: Callable[[AttemptFolder, Trail], list[str]]
    is_wrapper: bool = True  # whether the process started is not the command itself

    def wrap(
        self, argv: Sequence[str], folder: AttemptFolder, trail: Trail | None = None
    ) -> list[str]:
        """Return the command line that runs *argv* isolated, in the workspace.

        What its *trail* leads to can be reached, also where nothing else shows.
        """
        return [*self.prefix(folder, trail or Trail()), *argv]


@dataclass(frozen=True, slots=True)
class View:
    """What of the machine commands see, besides their own attempt.

    ``hidden`` names files and folders of the bot: its data, keys and settings.
    ``visible`` is what the operator shows of places where nothing else shows.
    """

    hidden: tuple[Path, ...] = ()
    visible: tuple[Path, ...] = ()
    network: bool = False


def choose(mode: Mode, view: View) -> Isolation:
    """Return the best isolation that works here and that *mode* allows.

    Raises ``SettingsError`` when *mode* is ``required`` and bubblewrap does not work.
    """
    nothing = Isolation(
        "none",
        (programs.all_open(),),
        _always([]),
        is_wrapper=False,
    )
    if mode == "off":
        return nothing
    faults = []
    for isolation in _bubblewraps(view):
        fault = try_out(isolation)
        if not fault:
            return isolation
        faults.append(fault)
    if mode == "required":
        raise SettingsError(programs.no_bubblewrap(faults[-1]))
    for isolation in _namespaces(view):
        if not try_out(isolation):
            return isolation
    return nothing


def try_out(isolation: Isolation) -> str:
    """Run a command in it; return what went wrong, or nothing."""
    script = 'echo written > "$1/trial"'
    with _trial_folder() as folder:
        argv = ["sh", "-c", script, "sh", str(folder.output)]
        done = _run(isolation.wrap(argv, folder), folder)
        if isinstance(done, str):
            return done
        if done.returncode == 0 and (folder.output / "trial").exists():
            return ""
        said = done.stderr.decode("utf-8", "replace").strip()
        return said or programs.ended_with(done.returncode)


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a command line cannot be reached from the inside, for its operator.

    With ``faults`` it cannot run; ``doubts`` are about what its script mentions.
    """

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def reach(isolation: Isolation, argv: Sequence[str], path: str) -> Reach:
    """Try from the inside whether a command line can be run.

    *path* is the ``PATH`` that commands get.
    """
    trail = trail_of(argv, path)
    if trail.faults:
        return Reach(tuple(trail.faults))
    script = 'for f do test -x "$f" || test -d "$f" || printf "%s\\0" "$f"; done'
    with _trial_folder() as folder:
        asked = map(str, (*trail.programs, *trail.mentions))
        words = ["sh", "-c", script, "sh", *asked]
        done = _run(isolation.wrap(words, folder, trail), folder)
    if isinstance(done, str) or done.returncode:
        said = done if isinstance(done, str) else done.stderr.decode("utf-8", "replace")
        return Reach((programs.not_tried(argv[0], said.strip()),))
    missing = {Path(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name}
    return Reach(
        tuple(
            programs.hidden(str(p), _folder(p)) for p in trail.programs if p in missing
        ),
        tuple(
            programs.mentions_hidden(argv[0], str(p), _folder(p))
            for p in trail.mentions
            if p in missing
        ),
    )


def _folder(path: Path) -> str:
    return str(path.resolve().parent)


@contextmanager
def _trial_folder() -> Iterator[AttemptFolder]:
    with tempfile.TemporaryDirectory(prefix="batch-bot-") as name:
        folder = AttemptFolder(Path(name).resolve())
        for path in (folder.workspace, folder.input, folder.output):
            path.mkdir()
        folder.home.mkdir()
        folder.temporary.mkdir()
        yield folder


def _run(
    argv: Sequence[str], folder: AttemptFolder
) -> subprocess.CompletedProcess[bytes] | str:
    try:
        return subprocess.run(  # noqa: S603 - our own words
            argv,
            cwd=folder.workspace,
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def _bubblewraps(view: View) -> Iterator[Isolation]:
    notes = (programs.network(is_on=view.network), *_root())
    # Old versions do not know --disable-userns; without capabilities inside
    # its loss opens nothing but more of the kernel to attack.
    for options in (["--disable-userns"], []):
        prefix = partial(_bubblewrap, view=view, options=options)
        yield Isolation("bubblewrap", notes, prefix)


def _bubblewrap(
    folder: AttemptFolder, trail: Trail, view: View, options: list[str]
) -> list[str]:
    argv = ["bwrap", "--die-with-parent", "--unshare-all", "--unshare-user", *options]
    argv += ["--share-net"] if view.network else []
    argv += ["--cap-drop", "ALL", "--ro-bind", "/", "/"]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    covered = _covered(view)
    shown = _shown(view, trail, covered)
    for _, _, words in sorted(_mounts(folder, covered, shown)):
        argv += words
    for link, target in trail.links.items():
        if _is_within(link, covered) and not _is_within(link, shown):
            argv += ["--symlink", target, str(link)]
    for file in _existing((*_SECRETS, *view.hidden)):
        if not file.is_dir():
            argv += ["--ro-bind", "/dev/null", str(file)]
    for own in folder.writable:
        argv += ["--bind", str(own), str(own)]
    argv += ["--ro-bind", str(folder.input), str(folder.input)]
    argv += ["--ro-bind-try", str(folder.objects), str(folder.objects)]
    return [*argv, "--chdir", str(folder.workspace), "--"]


def _mounts(
    folder: AttemptFolder, covered: Sequence[Path], shown: Sequence[Path]
) -> Iterator[tuple[tuple[str, ...], int, list[str]]]:
    """Yield what is laid over what: the place, its turn there, and bwrap's words.

    What lies inside another has to come after it, the bot's data in a folder that is
    shown too.
    """
    for place in covered:
        outer = [other for other in covered if other in place.parents]
        if not outer or _is_within(place, shown):
            yield place.parts, 0, ["--tmpfs", str(place)]
    temporary = str(folder.temporary)
    for name in ("/tmp", "/var/tmp"):  # noqa: S108 - inside
        yield Path(name).parts, 1, ["--bind", temporary, name]
    for place in shown:
        yield place.parts, 2, ["--ro-bind", str(place), str(place)]


def _covered(view: View) -> list[Path]:
    """Return folders that become empty: homes, places of sockets, the bot's own."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    is_home = home != Path("/") and not str(home).startswith(_SYSTEM)
    homes = (*_HOMES, home) if is_home else _HOMES
    places = _existing((*homes, *_SOCKETS, *_SECRETS, *view.hidden))
    return [place for place in places if place.is_dir()]


def _shown(view: View, trail: Trail, covered: Sequence[Path]) -> list[Path]:
    """Return what shows again of covered folders: this Python, and what is named.

    Only the operator's own word shows a whole home.
    """
    # An editable installation of the bot lies outside of its Python.
    this = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
    wanted = [*this, *trail.places]
    if view.network:
        wanted.append(Path("/run/systemd/resolve"))  # what resolv.conf may lead to
    implied = [
        path
        for path in _existing(wanted)
        if not any(place.is_relative_to(path) for place in covered)
    ]
    said = _existing(view.visible) - _existing(view.hidden)
    return [*said.union(path for path in implied if _is_within(path, covered))]


def _is_within(path: Path, places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)


def _existing(paths: Iterable[str | Path]) -> set[Path]:
    """Return those that exist, free of links: bwrap cannot mount onto one."""
    found = set()
    for path in paths:
        try:
            found.add(Path(path).resolve(strict=True))
        except OSError:
            continue  # not there, or out of the bot's own reach
    return found


def _namespaces(view: View) -> Iterator[Isolation]:
    """Yield ways that end all processes together but leave the files open."""
    notes = (
        programs.network(is_on=view.network),
        programs.files_open(),
        *_root(),
    )
    network = [] if view.network else ["--net"]
    for user in ([], ["--user", "--map-current-user"]):
        argv = ["unshare", *user, "--pid", "--fork", "--kill-child", "--mount-proc"]
        yield Isolation("process namespace", notes, _always([*argv, *network, "--"]))


def _always(prefix: list[str]) -> Callable[[AttemptFolder, Trail], list[str]]:
    return lambda folder, trail: prefix


def _root() -> list[str]:
    return [programs.as_root()] if os.getuid() == 0 else []
