@app.get("/stream/{count}")
async def stream(count: int, interval: float = 0.1):
    async def lines():
        for n in range(count):
            yield f'{{"n":{n}}}\n'
            await asyncio.sleep(interval)

    return StreamingResponse(lines(), media_type="application/x-ndjson")
