@app.get("/offload/wait/{seconds}")
async def offload_wait(seconds: float):
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, time.sleep, seconds)
    return {"message": f"Waited for {seconds} seconds!"}
