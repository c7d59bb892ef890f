"""The measured part of the contract, served by FastAPI on uvicorn: the article's way, so that it can stand beside.

It keeps two promises, as every server here does: its first line on stdout is `listening on http://ADDR`, and SIGTERM
drains. There is no access log. Where it differs from the contract is a table in `docs/src/fastapi.md`.
"""

import argparse
import asyncio
import os
import signal
import socket
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Literal

import anyio
import httpx
import requests
import uvicorn
from fastapi import FastAPI, HTTPException, Path, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

LONGEST_WAIT = 60
NAME = r"^[A-Za-z0-9_-]{1,39}$"

Seconds = Annotated[Decimal, Path(ge=0, le=LONGEST_WAIT)]
Name = Annotated[str, Path(pattern=NAME)]
Count = Annotated[int, Path(ge=0, le=10_000_000)]
Interval = Annotated[float, Query(ge=0, le=LONGEST_WAIT)]


def waited(seconds: Decimal) -> dict:
    shortest = format(seconds.normalize(), "f") if seconds else "0"
    return {"message": f"Waited for {shortest} seconds!"}


def compute(milliseconds: float) -> None:
    end = time.thread_time() + milliseconds / 1000
    while time.thread_time() < end:
        pass


def build(options: argparse.Namespace) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        # The pool that `def` endpoints and offloaded calls share.
        anyio.to_thread.current_default_thread_limiter().total_tokens = options.offload_threads
        limits = httpx.Limits(max_connections=options.upstream_max)
        async with httpx.AsyncClient(base_url=options.github_url, limits=limits, timeout=20) as client:
            app.state.client, app.state.session = client, requests.Session()
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/wait/{seconds}")
    async def wait(seconds: Seconds):
        await asyncio.sleep(float(seconds))
        return waited(seconds)

    async def profile(username: str):
        try:
            response = await app.state.client.get(f"/users/{username}")
        except httpx.TimeoutException as error:
            raise HTTPException(504, "the upstream did not answer in time") from error
        except httpx.HTTPError as error:
            raise HTTPException(502, "the upstream cannot be asked") from error
        if response.status_code == 404:
            raise HTTPException(404, "no such user")
        if response.status_code != 200:
            raise HTTPException(502, "the upstream answered with an error")
        return response.json()

    @app.get("/github-user/{username}")
    async def github_user(username: Name):
        return await profile(username)

    @app.get("/github-users")
    async def github_users(
        username: Annotated[list[str], Query(max_length=20)],
        mode: Literal["parallel", "sequential"] = "parallel",
    ):
        if mode == "sequential":
            return [await profile(name) for name in username]
        return await asyncio.gather(*(profile(name) for name in username))

    @app.get("/stream/{count}")
    async def stream(count: Count, interval: Interval = 0.1):
        async def lines():
            for n in range(count):
                if n:
                    await asyncio.sleep(interval)
                yield f'{{"n":{n}}}\n'

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @app.get("/offload/wait/{seconds}")
    async def offload_wait(seconds: Seconds):
        await anyio.to_thread.run_sync(time.sleep, float(seconds))
        return waited(seconds)

    @app.get("/work")
    async def work(
        wait: Interval = 0,
        cpu_ms: Annotated[float, Query(ge=0, le=1000)] = 0,
        placement: Literal["inline", "offload"] = "inline",
    ):
        await asyncio.sleep(wait)
        if placement == "offload":
            await anyio.to_thread.run_sync(compute, cpu_ms)
        else:
            compute(cpu_ms)
        return {"waited_ms": wait * 1000, "cpu_ms": cpu_ms}

    @app.get("/plaintext", response_class=PlainTextResponse)
    async def plaintext():
        return "Hello, World!"

    @app.post("/echo", response_class=PlainTextResponse)
    async def echo(request: Request):
        return f"len={len(await request.body())}"

    if options.pitfalls:

        @app.get("/pitfalls/blocking-wait/{seconds}")
        async def blocking_wait(seconds: Seconds):
            # DO NOT COPY: blocks the event loop.
            time.sleep(float(seconds))
            return waited(seconds)

        @app.get("/pitfalls/blocking-client/{username}")
        async def blocking_client(username: Name):
            # DO NOT COPY: a library that blocks, called on the event loop.
            return app.state.session.get(f"{options.github_url}/users/{username}", timeout=20).json()

        @app.get("/pitfalls/stream-blocked/{count}")
        async def stream_blocked(count: Count, interval: Interval = 0.1):
            async def lines():
                for n in range(count):
                    if n:
                        # DO NOT COPY: blocks the event loop between two lines.
                        time.sleep(interval)
                    yield f'{{"n":{n}}}\n'

            return StreamingResponse(lines(), media_type="application/x-ndjson")

    return app


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--addr", default="127.0.0.1:8080")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--github-url", default="https://api.github.com")
    parser.add_argument("--upstream-max", type=int, default=256)
    parser.add_argument("--offload-threads", type=int, default=40)
    parser.add_argument("--pitfalls", action="store_true")
    return parser.parse_args()


def serve(app: FastAPI, listener: socket.socket) -> None:
    config = uvicorn.Config(app, access_log=False, log_level="warning", backlog=4096, timeout_graceful_shutdown=10)
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    options = parse()
    host, port = options.addr.rsplit(":", 1)
    listener = socket.create_server((host, int(port)), backlog=4096)
    print("listening on http://{}:{}".format(*listener.getsockname()), flush=True)
    if options.workers == 1:
        return serve(build(options), listener)
    workers = []
    for _ in range(options.workers):
        worker = os.fork()
        if worker == 0:
            return serve(build(options), listener)
        workers.append(worker)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: [os.kill(worker, got) for worker in workers])
    for worker in workers:
        os.waitpid(worker, 0)


if __name__ == "__main__":
    main()
