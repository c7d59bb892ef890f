@app.get("/pitfalls/timeout/{seconds}")
async def timeout(seconds: float, deadline: float):
    loop = asyncio.get_running_loop()
    await asyncio.wait_for(loop.run_in_executor(None, time.sleep, seconds), deadline)
    return {"message": f"Waited for {seconds} seconds!"}
