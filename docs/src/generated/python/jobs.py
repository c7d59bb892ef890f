@app.post("/jobs/{kind}", status_code=202)
async def jobs(kind: str, request: Request, response: Response):
    task = request.app.state.celery.send_task(kind, [await request.body()])  # blocks while it asks the broker
    response.headers["Location"] = f"/jobs/{task.id}"
