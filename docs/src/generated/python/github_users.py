@app.get("/github-users")
async def github_users(request: Request, mode: str = "parallel"):
    names = request.query_params.getlist("username")
    calls = [request.app.state.client.get(f"/users/{name}") for name in names]
    if mode == "sequential":
        return [(await call).json() for call in calls]
    return [response.json() for response in await asyncio.gather(*calls)]
