@app.put("/files/{name}")
async def file(name: str, request: Request):
    async with aiofiles.open(f"files/{name}.part", "wb") as into:  # each write is a thread's
        async for chunk in request.stream():
            await into.write(chunk)
    os.replace(f"files/{name}.part", f"files/{name}")
    return {"name": name}
