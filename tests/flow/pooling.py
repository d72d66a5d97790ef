"""A pool of processes of its own, with TLS, for the bot of a story."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.flow.killing import Child
from tests.flow.world import World
from tests.nursery import ROOT

AGENT = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
item = os.environ["BATCH_ITEM"]
with open(folder / "ran", "a") as file:
    print(item, os.environ["BATCH_ATTEMPT"], os.environ["BATCH_HOST"], file=file)
print("working on", item, os.environ.get("SECRET_OF_COMMANDS", ""), flush=True)
pathlib.Path(f"file{item}.txt").write_text("hello\\n")
while not (folder / f"go{item}").exists():
    time.sleep(0.05)
"""
"""Says that it ran, changes a file, and ends once it may."""

SECRET = "a-key-that-commands-are-given"  # noqa: S105 - opens nothing


def certify(folder: Path) -> dict[str, str]:
    """Write an authority and one certificate of it; return the files."""
    folder.mkdir(parents=True)
    own, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("the pool", "a machine")
    ]

    def signed(
        name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_ca: bool
    ) -> bytes:
        now = datetime.now(UTC)
        basic = x509.BasicConstraints(ca=is_ca, path_length=None)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(basic, critical=True)
            .sign(own, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    (folder / "ca.pem").write_bytes(signed(names[0], own, is_ca=True))
    (folder / "cert.pem").write_bytes(signed(names[1], other, is_ca=False))
    (folder / "key.pem").write_bytes(
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}


def by_the_page(folder: Path) -> dict[str, str]:
    """Make the files as the page on pools says; return them."""
    page = (ROOT / ".github/docs/pool.md").read_text()
    (lines,) = re.findall(r"^```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    folder.mkdir(parents=True)
    words = ["bash", "-euc", lines]  # of our own page
    subprocess.run(words, cwd=folder, check=True, capture_output=True)  # noqa: S603
    return {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}


class PooledChild(Child):
    """The bot's process, whose commands run in a pool."""

    pool: "Processes"

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self.pool.environment}


class Processes:
    """The scheduler and the machines, each a process of its own."""

    def __init__(self, folder: Path, on: World, stack: AsyncExitStack) -> None:
        self.folder = folder
        folder.mkdir()
        self._on = on
        self._stack = stack
        self.files = certify(folder / "tls")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"tls://127.0.0.1:{port}"
        self.settings: dict[str, Any] = {
            "commands": {
                "implement": [sys.executable, "-I", "-S", "-c", AGENT, str(folder)]
            },
            "dask": self.files,
            "pass_environment": ["SECRET_OF_COMMANDS"],
        }
        self.machines: dict[str, asyncio.subprocess.Process] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables of who takes part."""
        file = self.folder / "batch-bot.yml"
        file.write_text(yaml.safe_dump(self.settings))
        return {"BATCH_SETTINGS_FILE": str(file), "BATCH_DASK": self.url}

    async def start(
        self, name: str, *words: str, **variables: str
    ) -> asyncio.subprocess.Process:
        """Start ``python -m bot`` with these words, in a folder of its own."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        with (home / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *words),
                cwd=home,
                env={
                    "PATH": os.environ["PATH"],
                    "LOG_FORMAT": "json",
                    "BATCH_SANDBOX": "off",
                    "SECRET_OF_COMMANDS": SECRET,
                    **self.environment,
                    **variables,
                },
                stdout=log,
                stderr=log,
            )
        self.machines[name] = process
        self._stack.push_async_callback(_kill, process)
        return process

    def said(self, name: str) -> str:
        """Return what a process has logged."""
        return (self.folder / name / "log").read_text()

    async def open(self, *names: str) -> None:
        """Start the scheduler and machines, and wait until they are in the pool."""
        await self.start("scheduler", "scheduler")
        await asyncio.gather(*map(self.join, names))

    async def join(self, name: str, *words: str) -> None:
        """Start a machine, perhaps again, and wait until it is in the pool."""
        (self.folder / name).mkdir(exist_ok=True)
        before = self.times_joined(name)
        await self.start(name, "worker", "--slots", "2", *words)
        await self._on.until(lambda: self.times_joined(name) > before)

    def times_joined(self, name: str) -> int:
        """Return how often a machine has joined."""
        log = self.folder / name / "log"
        return log.read_text().count("joined the pool") if log.exists() else 0

    @property
    def ran(self) -> list[list[str]]:
        """What ran: item, attempt and the mark of the machine's folder."""
        file = self.folder / "ran"
        return (
            [line.split() for line in file.read_text().splitlines()]
            if file.exists()
            else []
        )

    def machine_of(self, attempt: str) -> str:
        """Return the name of the machine on which an attempt ran."""
        from bot.host.folders import Folders  # noqa: PLC0415

        marks = {
            Folders(self.folder / name / "data" / "worker" / "host").host: name
            for name in self.machines
        }
        return next(marks[mark] for _, one, mark in self.ran if one.endswith(attempt))

    def let_go(self, item: int) -> None:
        """Have the agent of an item end."""
        (self.folder / f"go{item}").touch()


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


@asynccontextmanager
async def pool(folder: Path, on: World) -> AsyncIterator[Processes]:
    """Have a pool, not started yet."""
    async with AsyncExitStack() as stack:
        yield Processes(folder, on, stack)
