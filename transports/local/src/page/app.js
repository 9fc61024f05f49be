// The page: puts list, thread and composer together and keeps them in step with takopi.

import { Composer } from "./composer.js";
import { build, byId, toast } from "./dom.js";
import { get, post, stream } from "./server.js";
import { Sidebar } from "./sidebar.js";
import { Thread } from "./thread.js";

const SEND_TRIES = 4;
const FIRST_TRY_MS = 800;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let conversation = null;
let connection = null;
let menu = null;

const thread = new Thread({ resend: deliver, edit: (text) => composer.edit(text), changed, engineTitle });
const composer = new Composer({ send, stop, engineTitle, begun: () => thread.runs().length > 0 });
const sidebar = new Sidebar({ begin });

function engineTitle(id) {
  return menu?.engines.find((engine) => engine.id === id)?.title ?? id ?? "takopi";
}

/** Opens the conversation the address names; without one, a new one. */
function open() {
  const named = location.hash.slice(1);
  if (!ID.test(named)) {
    // Replaced, not added: going back must not lead here again.
    location.replace(`#${crypto.randomUUID()}`);
    return;
  }
  if (named === conversation) return;
  conversation = named;
  connection?.close();
  thread.show(conversation);
  composer.show(conversation);
  sidebar.show(conversation);
  connection = stream(conversation, { hear, connected, mayRest: () => !thread.stoppable() });
  changed();
  byId("text").focus();
}

function begin() {
  location.hash = crypto.randomUUID();
}

function hear(name, data) {
  switch (name) {
    case "hello":
      thread.hello(data);
      refresh();
      break;
    case "item": thread.item(data); break;
    case "edited": thread.edited(data); break;
    case "deleted": thread.deleted(data); break;
    case "accepted": thread.accepted(data); break;
    case "run": thread.run(data); break;
    case "paint": thread.paint(data); break;
    case "activity":
      sidebar.activity(data);
      changed();
      break;
  }
}

/** Reads the list of conversations and the menu again. */
async function refresh() {
  try {
    const state = await get("/api/state");
    menu = state.menu;
    sidebar.list(state.conversations);
    composer.menu(menu);
    byId("version").textContent = `takopi ${state.version}`;
    explain();
    thread.showEmpty();
    changed();
  } catch (failure) {
    if (failure.status === 401) showBanner(`This browser is not let in any more: ${failure.message}.`);
  }
}

/** Says in one sentence what typing here does. */
function explain() {
  const id = menu.default_engine;
  const engine = build("strong", {}, id ? engineTitle(id) : "an engine");
  const where = build("code", {}, menu.dir);
  const sentence = id === "shell"
    ? ["Type a command line: ", engine, " runs it on this machine, in ", where, "."]
    : ["Say what you want done: ", engine, " works on it on this machine, in ", where, "."];
  const help = menu.commands.some((command) => command.id === "help")
    ? build("p", { className: "faint" }, "Type ", build("code", {}, "/help"), " to see what else can be said.") : null;
  const mark = build("img", { src: "/icon.svg", alt: "", width: 48, height: 48 });
  byId("empty").replaceChildren(mark, build("p", {}, ...sentence), ...(help ? [help] : []));
}

function connected(is) {
  if (is) byId("banner").hidden = true;
  else {
    showBanner("The connection to takopi is lost. Trying again…");
    // The stream does not say why it failed; this does when it is for want of the cookie.
    refresh();
  }
}

function showBanner(text) {
  byId("banner").textContent = text;
  byId("banner").hidden = false;
}

/** Brings everything that tells of running work up to date. */
function changed() {
  const live = Boolean(thread.stoppable());
  composer.hint(live);
  composer.picks.ask();
  document.title = live || sidebar.running ? "● takopi" : "takopi";
  byId("heading").textContent = sidebar.title(conversation) ?? "New conversation";
}

function send(text, picks) {
  const entry = thread.pending(crypto.randomUUID(), text);
  entry.conversation = conversation;
  entry.picks = picks;
  deliver(entry);
}

/** Sends a message until it is taken or refused: its identity makes a second arrival harmless. */
async function deliver(entry) {
  const body = { conversation: entry.conversation, text: entry.text, ...entry.picks, client_id: entry.upstream };
  let wait = FIRST_TRY_MS;
  for (let left = SEND_TRIES; ; left -= 1) {
    try {
      const { toast: text } = await post("/api/messages", body);
      thread.sent(entry);
      if (text) toast(text);
      return;
    } catch (failure) {
      if (!failure.retry || left <= 1) {
        thread.failed(entry, failure);
        return;
      }
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    wait *= 2;
  }
}

/** What Escape means: stop the run at work. */
function stop() {
  const run = thread.stoppable();
  if (!run || run.cancelButton.disabled) return false;
  run.cancelButton.click();
  return true;
}

/** Asks what there is now: somebody comes back who may have installed a program or changed the settings. */
async function renew() {
  if (!menu) return;
  try {
    menu = (await get("/api/state")).menu;
  } catch {
    // The stream tells when takopi is gone.
    return;
  }
  composer.menu(menu);
  explain();
}

window.addEventListener("hashchange", open);
window.addEventListener("focus", renew);
open();
