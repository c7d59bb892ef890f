// The page at `/`: each section sends what its form says and shows what comes back, a problem too.
"use strict";

const at = (id) => document.getElementById(id);
const value = (form, name) => encodeURIComponent(form.elements[name].value);

/** What a reply says: its JSON, or its problem's sentence. Some refusals have none: who is too slow is told so, and no more. */
async function said(reply) {
  if (reply.ok) return reply.status === 204 ? {} : reply.json();
  const body = await reply.json().catch(() => ({}));
  const why = (body.errors ?? []).map((error) => error.msg).join("; ");
  throw new Error(`${reply.status}: ${why || body.detail || "refused"}`);
}

/** Runs `work` when the form is sent, and shows in `output` what it makes of it. */
function onSend(id, output, work) {
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    at(output).textContent = "…";
    try {
      await work(event.target, at(output));
    } catch (error) {
      at(output).textContent = error.message;
    }
  });
}

onSend("wait", "waited", async (form, output) => {
  const [began, count] = [performance.now(), Number(form.elements.count.value)];
  const path = `/wait/${value(form, "seconds")}`;
  // A browser opens six connections to a server and asks on each in turn; with its cache, one for equal requests.
  const ask = () => fetch(path, { cache: "no-store" }).then(said);
  const waits = Array.from({ length: count }, ask);
  const [first] = await Promise.all(waits);
  const took = ((performance.now() - began) / 1000).toFixed(2);
  output.textContent = `${first.message} ${count} times, in ${took} s; your browser asks six at a time.`;
});

onSend("user", "profile", async (form, output) => {
  const profile = await said(await fetch(`/github-user/${value(form, "username")}`));
  output.textContent = `${profile.login}, number ${profile.id}${profile.name ? `: ${profile.name}` : ""}`;
});

onSend("upload", "uploaded", (form, output) => new Promise((done, failed) => {
  // fetch does not tell how far an upload is.
  const request = new XMLHttpRequest();
  request.upload.onprogress = ({ loaded, total }) => { at("progress").value = loaded / total; };
  request.onerror = () => failed(new Error("the connection was lost"));
  request.onload = () => {
    const reply = new Response(request.responseText || null, { status: request.status });
    said(reply).then(({ files }) => {
      at("progress").value = 1;
      output.textContent = files.map((file) => `${file.name}: ${file.size} bytes`).join("\n");
      return listed();
    }).then(done, failed);
  };
  request.open("POST", form.action);
  request.send(new FormData(form));
}));

/** Shows what went wrong with the files. */
const told = (error) => { at("uploaded").textContent = error.message; };

/** Shows what is stored. */
async function listed() {
  const { files } = await said(await fetch("/files?limit=20"));
  at("files").replaceChildren(...files.map((file) => {
    const [item, link, remove] = ["li", "a", "button"].map((kind) => document.createElement(kind));
    link.href = `/files/${encodeURIComponent(file.name)}`;
    link.textContent = `${file.name} (${file.size} bytes)`;
    link.title = `SHA-256 ${file.sha256}`;
    remove.textContent = "Remove";
    remove.onclick = () => fetch(link.href, { method: "DELETE" }).then(said).then(listed).catch(told);
    item.append(link, remove);
    return item;
  }));
}

let leave = new AbortController();
at("stop").onclick = () => leave.abort();

onSend("stream", "lines", async (form, output) => {
  leave.abort();
  leave = new AbortController();
  const path = `/stream/${value(form, "count")}?interval=${value(form, "interval")}`;
  const reply = await fetch(path, { signal: leave.signal });
  if (!reply.ok) await said(reply);
  output.textContent = "";
  const text = reply.body.pipeThrough(new TextDecoderStream());
  for (const reader = text.getReader(); ;) {
    const { done, value: lines } = await reader.read();
    if (done) break;
    // What is long gone is of no interest to who watches it live.
    output.textContent = (output.textContent + lines).slice(-10_000);
    output.scrollTop = output.scrollHeight;
  }
});

let room;

// A browser that is cut off comes back by itself, and says what it heard last: nothing is missed, nothing comes twice.
onSend("listen", "listening", (form, output) => {
  room?.close();
  at("heard").replaceChildren();
  room = new EventSource(`/rooms/${value(form, "room")}/events`);
  room.onopen = () => { output.textContent = "listening"; };
  room.onerror = () => {
    output.textContent = room.readyState === EventSource.CLOSED ? "refused" : "cut off; coming back";
  };
  room.onmessage = ({ data }) => {
    const { text, created_at: time } = JSON.parse(data);
    const item = document.createElement("li");
    item.textContent = `${time.slice(11, 19)} ${text}`;
    at("heard").append(item);
    // Who listens for a day wants the last of it.
    while (at("heard").children.length > 100) at("heard").firstChild.remove();
  };
});

onSend("say", "said", async (form, output) => {
  const path = `/rooms/${value(at("listen"), "room")}/messages`;
  const [method, headers] = ["POST", { "Content-Type": "application/json" }];
  const body = JSON.stringify({ text: form.elements.text.value });
  await said(await fetch(path, { method, headers, body }));
  form.reset();
  output.textContent = "";
});

listed().catch(told);
