# The article's two endpoints, as it writes them: what this whole workspace is about, in one file.

import asyncio

import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/wait/{seconds}")
async def wait(seconds: int):
    await asyncio.sleep(seconds)
    return {"message": f"Waited for {seconds} seconds!"}


@app.get("/github-user/{username}")
async def github_user(username: str):
    async with httpx.AsyncClient() as client:
        response = await client.get(f"https://api.github.com/users/{username}")
    return response.json()
