@app.post("/thumbnail")
async def thumbnail(request: Request, width: int):
    loop = asyncio.get_running_loop()
    image = await request.body()
    made = await loop.run_in_executor(request.app.state.processes, smaller, image, width)
    return Response(made, media_type="image/jpeg")
