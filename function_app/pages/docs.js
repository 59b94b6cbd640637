"use strict";

// The key lives in this variable only: no storage, no cookie, no address.
let key = "";
let service = null;

const mode = document.body.dataset.mode;
const base = new URL(".", location.href).href.replace(/\/$/, "");
const model = new URLSearchParams(location.search).get("model");
const at = (id) => document.getElementById(id);

function make(tag, content = "", properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...[content].flat());
  return element;
}

function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  return fetch(`${base}/${path}`, { ...options, headers, credentials: "omit", cache: "no-store", redirect: "error" });
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return `${response.status} ${problem.title ?? response.statusText}: ${problem.detail ?? "no further word"}`;
}

function complain(words) {
  at("message").textContent = words;
  at("message").hidden = !words;
  if (words) at("message").scrollIntoView({ block: "nearest" });
}

/* ---- opening ---- */

async function load() {
  complain("");
  try {
    const response = await ask("openapi.json" + (model ? `?model=${encodeURIComponent(model)}` : ""));
    if (!response.ok) return complain(await problemOf(response));
    service = await response.json();
  } catch (error) {
    return complain(`The service cannot be reached: ${error.message}`);
  }
  const facts = service.info["x-weir-model"];
  showHead(facts);
  showExamples(facts);
  showSnippets(facts);
  showModel(facts);
  showRoutes();
  at("gate").hidden = true;
  at("content").hidden = false;
  if (key) at("main").focus();
  document.body.dataset.state = "open";
}

function showHead(facts) {
  document.title = `${facts.name}, version ${facts.version}`;
  at("title").textContent = facts.name;
  const kinds = { binary: "Decides between two labels", multiclass: "Picks one of several labels",
    regression: "Predicts a number", outlier: "Finds what is out of the ordinary" };
  at("subtitle").textContent = `${kinds[facts.task]}, from ${count(facts.features.length, "feature")}.`;
  const passed = facts.certificate?.passed;
  at("badges").replaceChildren(make("li", `version ${facts.version}`), make("li", facts.task),
    make("li", passed ? "certified" : "not certified", { className: passed ? "good" : "bad" }));
}

const number = (value) => Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(6)));
const count = (amount, noun) => `${number(amount)} ${noun}${amount === 1 ? "" : "s"}`;

/* ---- trying ---- */

let examples = [];

// Every route that has an example body may be tried; the model's own reference stands for {name}.
function showExamples(facts) {
  const values = { name: `${facts.name}:${facts.version}`, version: facts.version };
  const groups = operations().filter(({ operation }) => operation.requestBody).map(({ path, operation }) => {
    const bodies = Object.values(operation.requestBody.content["application/json"].examples ?? {});
    const tried = path.includes("{version}") ? path.replace("{name}", facts.name) : path;
    const filled = tried.replace(/{(\w+)}/g, (_, name) => values[name]);
    return { label: `${operation.tags[0]}: ${path}`, bodies: bodies.map((body) => ({ path: filled, ...body })) };
  });
  examples = groups.flatMap(({ bodies }) => bodies);
  at("example").replaceChildren(...groups.filter(({ bodies }) => bodies.length).map(({ label, bodies }) =>
    make("optgroup", bodies.map(({ summary }) => make("option", summary)), { label })));
  showExample();
}

function operations() {
  return Object.entries(service.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]) => ({ path, verb: verb.toUpperCase(), operation })));
}

function showExample() {
  const { path, value } = examples[at("example").selectedIndex];
  at("endpoint").textContent = `POST ${base}${path}`;
  at("body").value = pretty(value);
}

// Lists of plain values stay on one line: a row reads as a row.
function pretty(value, indent = "") {
  const inner = indent + "  ";
  const plain = (item) => item === null || typeof item !== "object";
  if (plain(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    if (value.every(plain)) return `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    return `[\n${value.map((item) => inner + pretty(item, inner)).join(",\n")}\n${indent}]`;
  }
  const fields = Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${pretty(item, inner)}`);
  return fields.length ? `{\n${fields.join(",\n")}\n${indent}}` : "{}";
}

async function send() {
  const { path } = examples[at("example").selectedIndex];
  at("send").disabled = true;
  const started = performance.now();
  try {
    const response = await ask(path.slice(1), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: at("body").value,
    });
    const text = await response.text();
    const took = performance.now() - started;
    at("outcome").replaceChildren(
      make("b", `${response.status} ${response.statusText}`.trim(), { className: response.ok ? "good" : "bad" }),
      `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`,
    );
    showJson(at("answer"), text);
  } catch (error) {
    at("outcome").replaceChildren(make("b", "no answer", { className: "bad" }));
    at("answer").textContent = `The service cannot be reached: ${error.message}`;
  }
  at("answer").classList.remove("empty");
  at("send").disabled = false;
}

const COLOURED = 200000; // characters; more would keep the browser busy

function showJson(target, text) {
  let shown = text;
  try { shown = pretty(JSON.parse(text)); } catch { /* it is shown as it came */ }
  if (shown.length > COLOURED) return target.replaceChildren(shown);
  const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
  const parts = [];
  let end = 0;
  for (const match of shown.matchAll(tokens)) {
    const [, text, colon, digits] = match;
    const kind = text ? (colon ? "t-name" : "t-text") : digits ? "t-number" : "t-word";
    const token = text ?? match[0];
    parts.push(shown.slice(end, match.index), make("span", token, { className: kind }));
    end = match.index + token.length;
  }
  target.replaceChildren(...parts, shown.slice(end));
}

/* ---- programs ---- */

function showSnippets(facts) {
  const operation = service.paths[facts.score_path] ?? service.paths["/models/{name}/score"];
  const samples = operation.post["x-codeSamples"];
  at("use-note").textContent = mode === "none" ? "Each program posts the first example." :
    "Each program posts the first example, with the key from the environment variable WEIR_KEY.";
  const select = (tab, sample) => {
    for (const other of at("languages").children) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
    }
    at("snippet").textContent = sample.source.replaceAll(service.servers[0].url, base);
    at("snippet").setAttribute("aria-labelledby", tab.id);
  };
  at("languages").replaceChildren(...samples.map((sample, index) => {
    const tab = make("button", sample.label, { type: "button", id: `tab-${index}`, role: "tab" });
    tab.setAttribute("aria-controls", "snippet");
    tab.addEventListener("click", () => select(tab, sample));
    return tab;
  }));
  at("languages").firstChild.click();
}

function moveBetweenTabs(event) {
  const tabs = [...at("languages").children];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.click();
  next.focus();
}

async function copy() {
  getSelection().selectAllChildren(at("snippet")); // where copying is not allowed, the reader can press Ctrl + C
  const done = await navigator.clipboard?.writeText(at("snippet").textContent).then(() => true, () => false);
  at("copy").textContent = done ? "Copied" : "Press Ctrl + C";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 2000);
}

/* ---- the model and the routes ---- */

function showModel(facts) {
  const { certificate } = facts;
  at("certificate").classList.toggle("bad", !certificate?.passed);
  at("certificate").textContent = certificate ? certificateWords(certificate) :
    "Not certified: nobody has compared this model with the estimator that it was made of.";
  const rows = [["Name", facts.name], ["Version", facts.version], ["Task", facts.task], ["Created", facts.created.slice(0, 10)]];
  if (facts.labels.length) rows.push(["Labels", facts.labels.join(", ")]);
  if (facts.positive !== null) rows.push(["Positive label", facts.positive]);
  if (facts.threshold !== null) rows.push(["Threshold", number(facts.threshold)]);
  rows.push(["SHA-256", facts.digest]);
  const noted = [...Object.entries(facts.properties), ...Object.entries(facts.tags)];
  at("facts").replaceChildren(...[["In short", rows], ["Properties and tags", noted]].filter(([, list]) => list.length)
    .map(([title, list]) => make("div", [make("h3", title), make("dl", list.flatMap(([name, value]) =>
      [make("dt", name), make("dd", typeof value === "number" ? number(value) : String(value))]))])));
  at("feature-count").textContent = count(facts.features.length, "feature");
  at("feature-list").open = facts.features.length <= 12;
  const known = service.components.schemas.Record.properties;
  at("features").replaceChildren(...facts.features.map(({ name, dtype, shape }) => make("tr", [
    make("th", make("code", name), { scope: "row" }),
    make("td", shape ? `${dtype} ${shape.join(" × ")}` : dtype),
    make("td", known[name].description ?? ""),
  ])));
}

function certificateWords({ passed, rows, score_difference: difference, tolerance, flips }) {
  const compared = Object.values(rows).reduce((sum, part) => sum + part, 0);
  const found = Number(difference) === 0 ? "no difference" : `largest difference ${Number(difference).toPrecision(2)}`;
  return `${passed ? "Certified" : "Failed its certificate"}: compared with the original estimator on ` +
    `${count(compared, "row")}, ${found} (allowed: ${tolerance}), ${count(flips, "decision")} changed.`;
}

function showRoutes() {
  const rows = [];
  let group = "";
  for (const { path, verb, operation } of operations()) {
    if (operation.tags[0] !== group) {
      group = operation.tags[0];
      rows.push(make("tr", make("th", group, { className: "group", colSpan: 2, scope: "colgroup" })));
    }
    rows.push(make("tr", [make("td", [make("span", verb, { className: "verb" }), make("code", path)]), make("td", operation.summary)]));
  }
  at("routes").replaceChildren(...rows);
}

async function download(name) {
  const response = await ask(name + (model ? `?model=${encodeURIComponent(model)}` : ""));
  if (!response.ok) return complain(await problemOf(response));
  const link = make("a", "", { href: URL.createObjectURL(await response.blob()), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/* ---- wiring ---- */

at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  load();
});
at("try").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
});
at("example").addEventListener("change", showExample);
at("reset").addEventListener("click", showExample);
at("languages").addEventListener("keydown", moveBetweenTabs);
at("copy").addEventListener("click", copy);
for (const button of document.querySelectorAll("[data-document]")) {
  button.addEventListener("click", () => download(button.dataset.document));
}
if (mode === "none") load();
else {
  at("key-name").textContent = mode === "entra" ? "Token" : "Key";
  at("gate").hidden = false;
  at("key").focus();
}
