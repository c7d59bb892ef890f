# What an author of FastAPI would write for the handlers that the article has none for. A function stands for one file of
# `handlers/`; `cargo lab code NAME` shows it beside the three.

import asyncio
import hashlib
import os
import time

import aiofiles
import httpx
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import PlainTextResponse, StreamingResponse
from prometheus_client import generate_latest
from sqlalchemy import text

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


@app.get("/slow-query/{seconds}")
async def slow_query(seconds: float, request: Request):
    async with request.app.state.engine.connect() as connection:  # SQLAlchemy async: waits for one of the pool
        await connection.execute(text("select pg_sleep(:seconds)"), {"seconds": seconds})
    return {"message": f"Slept for {seconds} seconds!"}


@app.put("/files/{name}")
async def file(name: str, request: Request):
    async with aiofiles.open(f"files/{name}.part", "wb") as into:  # each write is a thread's
        async for chunk in request.stream():
            await into.write(chunk)
    os.replace(f"files/{name}.part", f"files/{name}")
    return {"name": name}


@app.get("/rooms/{room}/events")
async def rooms(room: str, request: Request):
    async def heard():
        queue = request.app.state.rooms.subscribe(room)
        while True:
            yield f"data: {await queue.get()}\n\n"

    return StreamingResponse(heard(), media_type="text/event-stream")


@app.post("/jobs/{kind}", status_code=202)
async def jobs(kind: str, request: Request, response: Response):
    task = request.app.state.celery.send_task(kind, [await request.body()])  # blocks while it asks the broker
    response.headers["Location"] = f"/jobs/{task.id}"


@app.post("/thumbnail")
async def thumbnail(request: Request, width: int):
    loop = asyncio.get_running_loop()
    image = await request.body()
    made = await loop.run_in_executor(request.app.state.processes, smaller, image, width)
    return Response(made, media_type="image/jpeg")


# DO NOT COPY: the thread sleeps on after its answer was given up.
@app.get("/pitfalls/timeout/{seconds}")
async def timeout(seconds: float, deadline: float):
    loop = asyncio.get_running_loop()
    await asyncio.wait_for(loop.run_in_executor(None, time.sleep, seconds), deadline)
    return {"message": f"Waited for {seconds} seconds!"}


# DO NOT COPY: nobody waits for the task, so nobody sees it fail.
@app.get("/pitfalls/lost-error")
async def lost_error(request: Request):
    asyncio.create_task(request.app.state.client.post("/audit"))
    return {"message": "done"}


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
