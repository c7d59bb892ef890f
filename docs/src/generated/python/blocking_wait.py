@app.get("/pitfalls/blocking-wait/{seconds}")
async def blocking_wait(seconds: float):
    time.sleep(seconds)
    return {"message": f"Waited for {seconds} seconds!"}
