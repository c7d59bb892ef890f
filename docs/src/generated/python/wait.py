@app.get("/wait/{seconds}")
async def wait(seconds: int):
    await asyncio.sleep(seconds)
    return {"message": f"Waited for {seconds} seconds!"}
