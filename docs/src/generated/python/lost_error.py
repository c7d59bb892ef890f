@app.get("/pitfalls/lost-error")
async def lost_error(request: Request):
    asyncio.create_task(request.app.state.client.post("/audit"))
    return {"message": "done"}
