"""The contract, asked from many machines: Locust's clients, each answer held to what the contract says of it.

Locust counts what it is told; so every answer is checked here, and one that is wrong is a failure however fast it came.
How to run it, on one machine and on several, is in `docs/src/beyond.md`. `WAITLAB_WAIT` is the wait that is asked for, in
seconds.
"""

import json
import os
from uuid import uuid4

from locust import FastHttpUser, constant, task

WAIT = os.environ.get("WAITLAB_WAIT", "0.05")


class Wrong(Exception):
    """An answer that the contract does not allow."""


def require(condition, what):
    if not condition:
        raise Wrong(what)


def whole(reply, status, media_type):
    """The status, the media type, and the fields that every reply has."""
    require(reply.status_code == status, f"status {reply.status_code}, not {status}: {reply.text[:200]}")
    kind = reply.headers.get("content-type", "")
    require(kind.split(";")[0] == media_type, f"content-type {kind!r}")
    for field in ("x-request-id", "x-content-type-options", "content-security-policy"):
        require(field in reply.headers, f"no {field}")
    return reply


def problem(reply, status, path):
    """A failure as RFC 9457 has it."""
    body = json.loads(whole(reply, status, "application/problem+json").text)
    require(body["status"] == status and body["instance"] == path, f"problem {body}")
    return body


class Client(FastHttpUser):
    """One client that asks again when it has its answer: a closed loop."""

    wait_time = constant(0)
    network_timeout = 15.0
    connection_timeout = 5.0

    def ask(self, method, path, check, name=None, **more):
        with self.client.request(method, path, name=name or path, catch_response=True, **more) as reply:
            try:
                found = check(reply)
                # A 422 that is right is no failure.
                reply.success()
                return found
            except (Wrong, KeyError, ValueError) as why:
                reply.failure(f"{type(why).__name__}: {why}")
                return None

    @task(6)
    def waits(self):
        def check(reply):
            message = json.loads(whole(reply, 200, "application/json").text)
            require(message == {"message": f"Waited for {WAIT} seconds!"}, f"{message}")

        self.ask("GET", f"/wait/{WAIT}", check)

    @task(2)
    def floor(self):
        def check(reply):
            require(whole(reply, 200, "text/plain").text == "Hello, World!", reply.text[:80])

        self.ask("GET", "/plaintext", check)

    @task(1)
    def is_refused(self):
        def check(reply):
            error = problem(reply, 422, "/wait/abc")["errors"][0]
            require(error["loc"] == ["path", "seconds"], f"{error}")

        self.ask("GET", "/wait/abc", check)

    @task(1)
    def keeps_a_note(self):
        """Written through whichever replica answers, read through whichever answers next; a key makes one row."""
        key, draft = uuid4().hex, {"title": "from locust", "body": uuid4().hex}

        def made(reply):
            note = json.loads(whole(reply, 201, "application/json").text)
            require(reply.headers["location"] == f"/notes/{note['id']}", reply.headers["location"])
            require(note["body"] == draft["body"], f"{note}")
            return note

        def same(reply):
            found = json.loads(whole(reply, 200, "application/json").text)
            require(found == note, f"{found} is not {note}")

        note = self.ask("POST", "/notes", made, json=draft, headers={"Idempotency-Key": key})
        if note is not None:
            self.ask("GET", f"/notes/{note['id']}", same, name="/notes/{id}")
            again = self.ask("POST", "/notes", lambda reply: json.loads(reply.text), name="/notes, again",
                             json=draft, headers={"Idempotency-Key": key})
            if again is not None and again != note:
                self.environment.events.request.fire(
                    request_type="POST", name="/notes, again", response_time=0, response_length=0,
                    exception=Wrong(f"{again} is not {note}"), context={},
                )
