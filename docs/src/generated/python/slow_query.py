@app.get("/slow-query/{seconds}")
async def slow_query(seconds: float, request: Request):
    async with request.app.state.engine.connect() as connection:  # SQLAlchemy async: waits for one of the pool
        await connection.execute(text("select pg_sleep(:seconds)"), {"seconds": seconds})
    return {"message": f"Slept for {seconds} seconds!"}
