@app.get("/github-user/{username}")
async def github_user(username: str):
    async with httpx.AsyncClient() as client:
        response = await client.get(f"https://api.github.com/users/{username}")
    return response.json()
