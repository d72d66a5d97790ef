"""A server in a network of its own: without the proxy there is no GitHub."""

from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from tests.flow.world import world

_OF_THE_HOP = {"Connection", "Transfer-Encoding", "Content-Length", "Proxy-Connection"}


async def test_the_api_and_git_go_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    async def pass_on(request: web.Request) -> web.Response:
        asked.append(request.path)
        headers = {k: v for k, v in request.headers.items() if k not in _OF_THE_HOP}
        local = request.url.with_host("127.0.0.1")
        async with ClientSession(auto_decompress=False) as session:
            body = await request.read()
            answer = session.request(request.method, local, data=body, headers=headers)
            async with answer as got:
                kept = {k: v for k, v in got.headers.items() if k not in _OF_THE_HOP}
                return web.Response(
                    body=await got.read(), status=got.status, headers=kept
                )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pass_on)
    async with world(tmp_path) as on:
        runner = web.AppRunner(app, auto_decompress=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{runner.addresses[0][1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        on.issue(12, "write a.txt a")
        url = on.hub.api_url.replace("127.0.0.1", "github.invalid")
        async with on.bot(GITHUB_API_URL=url):
            await on.finished(on.say("/batch 12"))
        await runner.cleanup()
        assert len(on.pull_requests()) == 1
    assert any(path.startswith("/api/") for path in asked)
    assert any(path.endswith("/git-receive-pack") for path in asked)
