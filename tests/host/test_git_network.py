"""Git behind a proxy, and in front of a server whose authority is not a public one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bot.host.git import Git, GitFailed, Place, Remote

pytestmark = pytest.mark.slow


@asynccontextmanager
async def server(
    asked: list[bytes], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Say 404 to everything, and keep what was asked for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request.partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def certificate(folder: Path) -> ssl.SSLContext:
    """Make one that signs itself, as ``ca.pem``."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def says(environment: dict[str, str], url: str, folder: Path) -> str:
    """Return what git says of a repository that is not there, if it gets so far."""
    git = Git(environment={"PATH": "/usr/bin:/bin", **environment}, host="x")
    remote = Remote(url, "token")
    with pytest.raises(GitFailed) as raised:
        await git.run("ls-remote", "--", url, place=Place(folder), remote=remote)
    return raised.value.said


async def test_git_trusts_the_authority_that_the_environment_names(tmp_path: Path):
    asked: list[bytes] = []
    async with server(asked, certificate(tmp_path)) as port:
        url = f"https://127.0.0.1:{port}/acme/widgets.git"
        refused = await says({}, url, tmp_path)
        assert "certificate" in refused
        assert asked == []
        for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO"):
            said = await says({name: str(tmp_path / "ca.pem")}, url, tmp_path)
            assert "not found" in said
    assert len(asked) == 2


@pytest.mark.parametrize(("name", "is_asked"), [("http_proxy", 1), ("x_proxy", 0)])
async def test_git_goes_through_the_proxy_that_the_environment_names(
    tmp_path: Path, name: str, is_asked: int
):
    asked: list[bytes] = []
    async with server(asked) as port:
        url = "http://github.invalid/acme/widgets.git"
        await says({name: f"http://127.0.0.1:{port}"}, url, tmp_path)
    words = b"GET http://github.invalid/acme/widgets.git/info/refs"
    assert [line.startswith(words) for line in asked] == [True] * is_asked


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_repository_is_gone_only_to_a_token_that_is_known_everywhere(
    tmp_path: Path, is_new: bool
):
    git = Git(environment={"PATH": "/usr/bin:/bin"}, host="x")
    async with server([]) as port:
        url = f"http://127.0.0.1:{port}/acme/widgets.git"
        remote = Remote(url, "token", is_fresh=lambda _: is_new)
        with pytest.raises(GitFailed) as raised:
            await git.run("ls-remote", "--", url, place=Place(tmp_path), remote=remote)
    error = raised.value
    assert error.is_unreachable
    assert error.is_gone is not is_new
