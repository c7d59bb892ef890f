@app.get("/rooms/{room}/events")
async def rooms(room: str, request: Request):
    async def heard():
        queue = request.app.state.rooms.subscribe(room)
        while True:
            yield f"data: {await queue.get()}\n\n"

    return StreamingResponse(heard(), media_type="text/event-stream")
