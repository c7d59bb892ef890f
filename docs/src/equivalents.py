# What an author of FastAPI would write for the handlers that the article has none for. A function stands for one file of
# `handlers/`; `cargo lab code NAME` shows it beside the three.

import asyncio
import hashlib
import time

import httpx
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import PlainTextResponse, StreamingResponse
from prometheus_client import generate_latest

app = FastAPI(docs_url=None, openapi_url=None)


@app.get("/plaintext")
async def plaintext():
    return PlainTextResponse("Hello, World!")


@app.post("/echo")
async def echo(request: Request):
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
    return PlainTextResponse(f"len={length}")


@app.get("/github-users")
async def github_users(request: Request, mode: str = "parallel"):
    names = request.query_params.getlist("username")
    calls = [request.app.state.client.get(f"/users/{name}") for name in names]
    if mode == "sequential":
        return [(await call).json() for call in calls]
    return [response.json() for response in await asyncio.gather(*calls)]


@app.get("/offload/wait/{seconds}")
async def offload_wait(seconds: float):
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, time.sleep, seconds)
    return {"message": f"Waited for {seconds} seconds!"}


@app.get("/stream/{count}")
async def stream(count: int, interval: float = 0.1):
    async def lines():
        for n in range(count):
            yield f'{{"n":{n}}}\n'
            await asyncio.sleep(interval)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.get("/work")
async def work(wait: float = 0, cpu_ms: float = 0):
    await asyncio.sleep(wait)
    end = time.thread_time() + cpu_ms / 1000
    while time.thread_time() < end:
        hashlib.sha256(b"work").digest()
    return {"waited_ms": wait * 1000, "cpu_ms": cpu_ms}


# DO NOT COPY: time.sleep in an `async def` stops every request of this process.
@app.get("/pitfalls/blocking-wait/{seconds}")
async def blocking_wait(seconds: float):
    time.sleep(seconds)
    return {"message": f"Waited for {seconds} seconds!"}


@app.get("/pitfalls/panic")
async def panic():
    raise RuntimeError("nobody catches this")


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.get("/readyz")
async def readyz(request: Request):
    draining = request.app.state.draining
    return PlainTextResponse("draining" if draining else "ready", 503 if draining else 200)


@app.get("/metrics")
async def metrics():
    return PlainTextResponse(generate_latest())


# FastAPI serves these two by itself unless told otherwise; the page loads its scripts from the network.
@app.get("/openapi.json", include_in_schema=False)
async def openapi():
    return app.openapi()


@app.get("/docs", include_in_schema=False)
async def docs():
    return get_swagger_ui_html(openapi_url="/openapi.json", title="waitlab")
