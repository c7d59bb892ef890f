// Draws what the page's server sees, and tells it what to do.
"use strict";

const $ = (id) => document.getElementById(id);
const MINUTE = 60_000;
const WAITS = ["within(", ".run(", ".await", ".user(", "join_all", "spawn_scoped", "compute::work", "await ", "time.sleep("];
const DASHES = [[], [7, 4], [2, 3], [12, 3, 2, 3]];
const HUES = ["blocking", "actix", "axum"];

let all; // scenes, the class, where the sliders end
let dial = { scene: "wait", clients: 0, rate: 0, pitfall: false };
let past = []; // the looks of the last minute
let begins = null; // what is to be said when the mistake is on

// Sliders are not linear: most of what there is to see happens below a hundred.
const toSlider = (value, most) => (value === 0 ? 0 : 1 + (99 * Math.log(value)) / Math.log(most));
const fromSlider = (at, most) => (at <= 0 ? 0 : Math.round(Math.exp(((at - 1) / 99) * Math.log(most))));

const scene = () => all.scenes.find((one) => one.name === dial.scene);

async function start() {
  all = await (await fetch("/scenes")).json();
  for (const one of all.scenes) $("scene").add(new Option(one.title, one.name));
  const looks = new EventSource("/looks");
  let first = true;
  looks.onmessage = (event) => {
    const look = JSON.parse(event.data);
    if (first) {
      first = false;
      const wanted = fromAddress();
      if (wanted) turn(wanted);
      else show(look.dial);
    }
    $("link").textContent = "live";
    $("link").className = "";
    past.push(look);
    while (past.length && past[0].now < look.now - MINUTE) past.shift();
    draw(look);
  };
  looks.onerror = () => {
    $("link").textContent = "the page's server is gone: start cargo lab live again";
    $("link").className = "lost";
  };
  addEventListener("hashchange", () => {
    const wanted = fromAddress();
    if (wanted && JSON.stringify(wanted) !== JSON.stringify(dial)) turn(wanted);
  });
  listen();
}

// The address holds the state, so that it can be sent to somebody.
function fromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (!said.has("scene")) return null;
  const number = (name) => Math.max(0, parseInt(said.get(name) ?? "0", 10) || 0);
  return {
    scene: said.get("scene"),
    clients: Math.min(number("clients"), all.most_clients),
    rate: Math.min(number("rate"), all.most_rate),
    pitfall: said.get("pitfall") === "on",
  };
}

function toAddress() {
  const said = new URLSearchParams({ scene: dial.scene, clients: dial.clients });
  if (dial.rate) said.set("rate", dial.rate);
  if (dial.pitfall) said.set("pitfall", "on");
  history.replaceState(null, "", "#" + said);
}

// Sends the newest wish; while one is under way the others are left out.
let underWay = false;
let next = null;
async function turn(wanted) {
  next = wanted;
  show(wanted);
  if (underWay) return;
  underWay = true;
  try {
    while (next) {
      const one = next;
      next = null;
      const reply = await fetch("/dial", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(one),
      });
      if (!reply.ok) $("say").textContent = await reply.text();
    }
  } finally {
    underWay = false;
  }
}

function show(wanted) {
  const before = dial;
  dial = { ...wanted };
  const known = scene();
  if (!known) return;
  $("scene").value = dial.scene;
  if (document.activeElement !== $("clients")) $("clients").value = toSlider(dial.clients, all.most_clients);
  if (document.activeElement !== $("rate")) $("rate").value = toSlider(dial.rate, all.most_rate);
  $("clients-is").textContent = dial.clients;
  $("rate-is").textContent = dial.rate || "off";
  const mistake = known.mistake;
  $("pitfall").hidden = !mistake;
  if (mistake) $("pitfall").textContent = (dial.pitfall ? "Mistake on: " : "Mistake: ") + mistake.title;
  $("pitfall").setAttribute("aria-pressed", String(dial.pitfall));
  $("read").textContent = known.read;
  if (begins === null || before.scene !== dial.scene || before.pitfall !== dial.pitfall) {
    $("say").textContent = dial.pitfall ? mistake.answer : known.say;
    begins = known.name;
    for (const card of document.querySelectorAll(".server")) card.querySelector("pre").dataset.of = "";
  }
  toAddress();
}

function listen() {
  $("dial").addEventListener("submit", (event) => event.preventDefault());
  $("scene").addEventListener("change", (event) =>
    turn({ ...dial, scene: event.target.value, pitfall: false }));
  $("clients").addEventListener("input", (event) =>
    turn({ ...dial, clients: fromSlider(event.target.value, all.most_clients), rate: 0 }));
  $("rate").addEventListener("input", (event) =>
    turn({ ...dial, rate: fromSlider(event.target.value, all.most_rate) }));
  $("pitfall").addEventListener("click", () => (dial.pitfall ? turn({ ...dial, pitfall: false }) : guess(dial)));
  $("copy").addEventListener("click", copy);
  $("reset").addEventListener("click", reset);
  $("guess-cancel").addEventListener("click", () => $("guess").close());
  for (const button of $("guesses").children) {
    button.addEventListener("click", () => {
      $("guess").close();
      turn({ ...guessing, pitfall: true });
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("guess").open) return;
    if (event.key === "Escape") reset();
    else if (event.key === "c") copy();
    else if (event.key >= "1" && event.key <= "9") step(Number(event.key) - 1);
  });
}

// Nobody forgets a guess that was wrong.
let guessing = null;
function guess(wanted) {
  guessing = wanted;
  $("guess-mistake").textContent = all.scenes.find((one) => one.name === wanted.scene).mistake.title;
  $("guess").showModal();
}

function step(at) {
  const moment = all.class[at];
  const wanted = { scene: moment.scene, clients: moment.clients, rate: 0, pitfall: false };
  document.activeElement?.blur();
  turn(wanted);
  $("say").textContent = moment.say;
  if (moment.pitfall) guess(wanted);
}

function reset() {
  document.activeElement?.blur();
  turn({ scene: "wait", clients: 10, rate: 0, pitfall: false });
}

async function copy() {
  let command = `cargo lab live --scene ${dial.scene} --clients ${dial.clients}`;
  if (dial.rate) command += ` --rate ${dial.rate}`;
  if (dial.pitfall) command += " --pitfall";
  try {
    await navigator.clipboard.writeText(command);
    $("say").textContent = "Copied: " + command;
  } catch {
    $("say").textContent = command;
  }
}

const hue = (name) => {
  const own = HUES.find((known) => name === known) ?? HUES.find((known) => name.startsWith(known));
  return getComputedStyle(document.documentElement).getPropertyValue("--" + (own ?? "other")).trim();
};

const ms = (value) => {
  if (value === null) return "–";
  if (value >= 10_000) return (value / 1000).toFixed(0) + " s";
  if (value >= 1000) return (value / 1000).toFixed(1) + " s";
  return value.toFixed(value < 10 ? 1 : 0) + " ms";
};

function card(name) {
  const id = "server-" + name.replace(/[^a-z0-9]/gi, "-");
  let found = $(id);
  if (found) return found;
  found = document.createElement("article");
  found.className = "server";
  found.id = id;
  found.innerHTML = `<h2></h2><p class="shape"></p><canvas class="strip" role="img"></canvas>
    <dl><div><dt>innocent route, slowest</dt><dd class="probe"></dd></div><div><dt>answers a second</dt><dd class="rate"></dd></div>
    <div><dt>in flight</dt><dd class="in-flight"></dd></div><div><dt>p50</dt><dd class="p50"></dd></div><div><dt>p99</dt><dd class="p99"></dd></div>
    <div><dt>threads</dt><dd class="threads"></dd></div><div><dt>memory</dt><dd class="memory"></dd></div><div><dt>cores busy</dt><dd class="cpu"></dd></div>
    <div><dt>failed</dt><dd class="failures"></dd></div></dl>
    <details open><summary>The handler that runs; marked: where it waits</summary><pre tabindex="0"></pre></details>`;
  found.querySelector("h2").textContent = name;
  found.style.setProperty("--hue", hue(name));
  $("servers").append(found);
  return found;
}

const failed = {};
function draw(look) {
  if ($("checked").textContent !== look.checked) $("checked").textContent = look.checked;
  // One scale for all, or a staircase would look like a block.
  const ends = look.servers.map(({ bars }) =>
    bars.length ? Math.max(...bars.map((bar) => bar[1] ?? look.now)) - bars[0][0] : 0);
  const span = Math.max(50, ...ends);
  for (const server of look.servers) {
    const into = card(server.name);
    const put = (name, text) => {
      const field = into.querySelector("." + name);
      if (field.textContent !== text) field.textContent = text;
    };
    failed[server.name] = (failed[server.name] ?? 0) + server.failed;
    put("probe", ms(server.probe));
    put("rate", server.rate.toFixed(server.rate < 10 ? 1 : 0));
    put("in-flight", String(server.in_flight));
    put("p50", ms(server.p50));
    put("p99", ms(server.p99));
    put("threads", server.threads === null ? "–" : String(server.threads));
    put("memory", server.rss_bytes === null ? "–" : (server.rss_bytes / 1e6).toFixed(0) + " MB");
    put("cpu", server.cpu === null ? "–" : server.cpu.toFixed(2));
    put("failures", String(failed[server.name]));
    into.querySelector(".failures").classList.toggle("failed", failed[server.name] > 0);
    into.classList.toggle("stalled", (server.probe ?? 0) > 100);
    put("shape", server.ended ? "ended: " + server.ended.slice(0, 160) : shape(server.bars, look.now));
    strip(into.querySelector(".strip"), server, look.now, span);
    code(into.querySelector("pre"), server.name);
  }
  chart("chart-probe", (server) => server.probe, true);
  chart("chart-rate", (server) => server.rate);
  chart("chart-p99", (server) => server.p99, true);
  chart("chart-threads", (server) => server.threads);
  chart("chart-memory", (server) => (server.rss_bytes === null ? null : server.rss_bytes / 1e6));
  chart("chart-in-flight", (server) => server.in_flight);
}

// In words what the strip shows: of requests that were sent together, how many ended together?
function shape(bars, now) {
  const whole = bars.filter((bar) => bar[1] !== null);
  const open = bars.filter((bar) => bar[1] === null);
  if (whole.length < 4) {
    const longest = Math.max(0, ...open.map((bar) => now - bar[0]));
    return open.length > 3 && longest > 1500 ? `nobody answered for ${ms(longest)}` : "";
  }
  const took = whole.map((bar) => bar[1] - bar[0]);
  const [least, most] = [Math.min(...took), Math.max(...took)];
  if (most < 50) return "answered at once";
  const every = Math.ceil(dial.clients / 20);
  const said = !dial.rate && every > 1 ? ` (one client in ${every} is drawn)` : "";
  return (most > 2.5 * Math.max(least, 1) ? "a staircase: they waited in turn" : "a block: they waited together") + said;
}

function canvas(element) {
  const [width, height] = [element.clientWidth, element.clientHeight];
  const scale = devicePixelRatio || 1;
  if (element.width !== Math.round(width * scale)) element.width = Math.round(width * scale);
  if (element.height !== Math.round(height * scale)) element.height = Math.round(height * scale);
  const to = element.getContext("2d");
  to.setTransform(scale, 0, 0, scale, 0, 0);
  to.clearRect(0, 0, width, height);
  return [to, width, height];
}

// The last sixty requests, one bar from sent to answered, newest at the bottom.
function strip(element, server, now, span) {
  const [to, width, height] = canvas(element);
  const bars = server.bars;
  const style = getComputedStyle(document.documentElement);
  if (!bars.length) return element.setAttribute("aria-label", "nothing was asked yet");
  const from = bars[0][0];
  const row = height / Math.max(bars.length, 20);
  const x = (at) => 2 + ((at - from) / span) * (width - 4);
  bars.forEach(([sent, done, ok], at) => {
    const left = x(sent);
    const right = Math.max(left + 1.5, x(done ?? now));
    to.globalAlpha = done === null ? 0.4 : 1;
    to.fillStyle = ok ? hue(server.name) : style.getPropertyValue("--bad");
    to.fillRect(left, at * row, right - left, Math.max(1, row - 1));
  });
  to.globalAlpha = 1;
  to.fillStyle = style.getPropertyValue("--dim");
  to.font = "13px system-ui";
  to.textAlign = "right";
  to.fillText(ms(span) + " wide", width - 6, height - 6);
  element.setAttribute("aria-label", `the last ${bars.length} requests: ${shape(bars, now) || "under way"}`);
}

function chart(id, read, log) {
  const element = $(id);
  const [to, width, height] = canvas(element);
  if (!past.length) return;
  const style = getComputedStyle(document.documentElement);
  const now = past[past.length - 1].now;
  const names = past[past.length - 1].servers.map((server) => server.name);
  let most = log ? 10 : 1;
  let least = Infinity;
  for (const look of past)
    for (const server of look.servers) {
      const value = read(server);
      if (value === null) continue;
      most = Math.max(most, value);
      if (value > 0) least = Math.min(least, value);
    }
  const floor = log ? Math.min(0.1, least) : 0;
  const y = (value) => {
    const part = log
      ? Math.log(Math.max(value, floor) / floor) / Math.log(most / floor)
      : value / most;
    return height - 4 - part * (height - 22);
  };
  const x = (at) => width - ((now - at) / MINUTE) * width;
  to.font = "13px system-ui";
  to.fillStyle = style.getPropertyValue("--dim");
  to.fillText(most >= 100 ? most.toFixed(0) : most.toFixed(1), 2, 12);
  to.strokeStyle = style.getPropertyValue("--line");
  to.beginPath();
  to.moveTo(0, y(most));
  to.lineTo(width, y(most));
  to.stroke();
  element.setAttribute("aria-label", names.map((name, index) => {
    const value = read(past[past.length - 1].servers[index]);
    return `${name} ${value === null ? "nothing yet" : value.toFixed(value < 10 ? 1 : 0)}`;
  }).join(", "));
  legend(names);
  names.forEach((name, index) => {
    to.strokeStyle = hue(name);
    to.lineWidth = 2.5;
    to.setLineDash(DASHES[index % DASHES.length]);
    to.beginPath();
    let drawing = false;
    for (const look of past) {
      const server = look.servers.find((one) => one.name === name);
      const value = server ? read(server) : null;
      if (value === null) {
        drawing = false;
        continue;
      }
      if (drawing) to.lineTo(x(look.now), y(value));
      else to.moveTo(x(look.now), y(value));
      drawing = true;
    }
    to.stroke();
  });
  to.setLineDash([]);
}

// Which line is whose, drawn as the charts draw them.
function legend(names) {
  const into = $("legend");
  if (into.childElementCount === names.length) return;
  into.replaceChildren();
  names.forEach((name, index) => {
    const entry = document.createElement("span");
    entry.innerHTML = `<svg width="36" height="8" aria-hidden="true"><line x1="0" y1="4" x2="36" y2="4" stroke-width="3"/></svg> `;
    entry.querySelector("line").setAttribute("stroke-dasharray", DASHES[index % DASHES.length].join(" "));
    entry.style.setProperty("--hue", hue(name));
    entry.append(name);
    into.append(entry);
  });
}

// The handler without what stands above it, its waiting lines marked.
function code(element, name) {
  const known = scene();
  const handler = dial.pitfall && known.mistake ? known.mistake.handler : known.handler;
  const voices = all.sources[handler];
  const source = voices[Object.keys(voices).find((server) => name.startsWith(server))];
  const of = handler + name;
  if (element.dataset.of === of) return;
  element.dataset.of = of;
  element.replaceChildren();
  if (!source) return void (element.textContent = "not one of ours: its source is elsewhere");
  const lines = source.split("\n");
  const begin = lines.findIndex((line) => line.startsWith("/// ") || line.startsWith("pub(crate)"));
  for (const line of lines.slice(Math.max(begin, 0))) {
    const waits = !/^(\/\/|#)/.test(line.trim()) && WAITS.some((word) => line.includes(word));
    const put = document.createElement(waits ? "mark" : "span");
    put.textContent = line + "\n";
    element.append(put);
  }
}

start();
