// The messages of the conversation that is open: what was said, in order, with its runs.

import { build, button, byId, copyButton, place, rendered, toast } from "./dom.js";
import { when } from "./format.js";
import { Run } from "./run.js";
import { get, post } from "./server.js";

// Within so many pixels of the end, the view follows what is new.
const NEAR_END = 48;

/** The thread. `resend(entry)` tries a message again, `edit(text)` takes one back, `changed()` is called when a run begins or ends. */
export class Thread {
  constructor({ resend, edit, changed, engineTitle }) {
    this.resend = resend;
    this.edit = edit;
    this.changed = changed;
    this.engineTitle = engineTitle;
    this.entries = new Map();
    // The numbers of messages that were accepted before they were told.
    this.numbers = new Map();
    this.conversation = null;
    this.before = null;
    this.sticks = true;
    this.lastTop = 0;
    this.element = byId("thread");
    this.scroll = byId("scroll");
    this.earlier = byId("earlier");
    this.jump = byId("jump");

    this.scroll.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.follow()).observe(byId("column"));
    new ResizeObserver(() => this.follow()).observe(this.scroll);
    this.jump.onclick = () => {
      this.toEnd();
      byId("text").focus();
    };
    this.earlier.onclick = () => this.loadEarlier();
    setInterval(() => {
      for (const run of this.runs()) if (!run.over) run.tick();
    }, 1000);
  }

  /** Empties the thread for another conversation. */
  show(conversation) {
    this.conversation = conversation;
    this.entries.clear();
    this.numbers.clear();
    this.element.replaceChildren();
    this.before = null;
    this.earlier.hidden = true;
    this.loaded = false;
    this.sticks = true;
    this.showEmpty();
  }

  runs() {
    return [...this.entries.values()].filter((entry) => entry.run).map((entry) => entry.run);
  }

  /** Returns the run that Escape stops: the latest that works, else the latest that waits. */
  stoppable() {
    const live = this.runs().filter((run) => !run.over);
    return live.findLast((run) => run.state !== "queued") ?? live.at(-1);
  }

  /** Takes in everything as it stands: at the beginning, and after the connection was lost. */
  hello({ piece, runs }) {
    const keys = new Set(piece.items.map(keyOf));
    const old = [...this.entries.values()];
    const first = old.findIndex((entry) => keys.has(entry.key));
    // What was loaded above stays, if it joins what came now; what was not sent yet stays at the end.
    const above = first > 0 ? old.slice(0, first).filter((entry) => !entry.pending) : [];
    const pending = old.filter((entry) => entry.pending && !keys.has(entry.key));
    const before = above.length > 0 ? this.before : piece.before;

    const now = [...above, ...piece.items.map((item) => this.entry(item, true))];
    this.entries = new Map([...now, ...pending].map((entry) => [entry.key, entry]));
    // Not all anew: what is scrolled or marked inside a run stays.
    place(this.element, [...this.entries.values()].map((entry) => entry.element));
    for (const view of runs) this.run(view);
    this.setBefore(before);
    this.loaded = true;
    this.showEmpty();
    this.follow();
    this.changed();
  }

  /** Takes in one thing that was said. */
  item(item) {
    const known = this.entries.get(keyOf(item));
    const entry = this.entry(item, false);
    if (known) {
      if (known.element !== entry.element) known.element.replaceWith(entry.element);
    } else {
      const run = item.kind === "message" && this.runAnswering(item.inbox ?? this.numbers.get(item.upstream));
      if (run) run.element.before(entry.element);
      else this.element.append(entry.element);
    }
    this.entries.set(entry.key, entry);
    this.showEmpty();
  }

  /** Learns the number under which a message is kept: runs name it. */
  accepted({ upstream, inbox }) {
    this.numbers.set(upstream, inbox);
    const entry = this.entries.get(`m:${upstream}`);
    if (entry) entry.inbox = inbox;
  }

  runAnswering(inbox) {
    return inbox === undefined ? undefined : this.runs().find((run) => run.inbox.includes(inbox));
  }

  /** Takes in what is known of a run. */
  run(view) {
    const key = `r:${view.run}`;
    let entry = this.entries.get(key);
    if (!entry) {
      entry = this.runEntry(view.run);
      const message = [...this.entries.values()].findLast((other) => view.inbox?.includes(other.inbox))
        ?? this.entries.get(`m:${view.asked_by}`);
      this.entries.set(key, entry);
      if (message) message.element.after(entry.element);
      else this.element.append(entry.element);
    }
    entry.run.update(view);
    if (entry.run.over) entry.run.announceEnd(this.engineTitle(entry.run.engine));
    this.showEmpty();
  }

  paint(paint) {
    this.entries.get(`r:${paint.run}`)?.run.paint(paint);
  }

  edited({ message, body, buttons }) {
    const entry = this.entries.get(`n:${message}`);
    if (entry) this.item({ kind: "note", message, body, buttons, at: entry.at });
  }

  deleted({ message }) {
    this.entries.get(`n:${message}`)?.element.remove();
    this.entries.delete(`n:${message}`);
  }

  /** Shows a message that is on its way. Returns its entry. */
  pending(upstream, text) {
    const item = { kind: "message", upstream, text, at: Date.now() };
    const entry = this.messageEntry(item, true);
    this.entries.set(entry.key, entry);
    this.element.append(entry.element);
    this.showEmpty();
    this.toEnd();
    return entry;
  }

  /** Says that a message could not be sent, and offers to try again, or to change what would only fail again. */
  failed(entry, { message, retry }) {
    const again = () => {
      entry.status.replaceChildren("sending…");
      this.resend(entry);
    };
    const edit = () => {
      this.entries.delete(entry.key);
      entry.element.remove();
      this.showEmpty();
      this.edit(entry.text);
    };
    entry.status.replaceChildren(`Not sent: ${message} `, retry ? button("Try again", again) : button("Edit", edit));
    entry.status.hidden = false;
    entry.element.classList.add("failed");
  }

  sent(entry) {
    entry.pending = false;
    entry.status.hidden = true;
    entry.element.classList.remove("failed", "pending");
  }

  entry(item, keepRuns) {
    if (item.kind === "message") {
      const known = this.entries.get(keyOf(item));
      const entry = this.messageEntry(item, false);
      entry.inbox = item.inbox ?? known?.inbox ?? this.numbers.get(item.upstream);
      return entry;
    }
    if (item.kind === "note") return this.noteEntry(item);
    const known = keepRuns ? this.entries.get(keyOf(item)) : undefined;
    const entry = known ?? this.runEntry(item.run);
    entry.run.update(item);
    entry.run.justEnded = false;
    return entry;
  }

  messageEntry({ upstream, text, at }, pending) {
    const status = build("span", { className: "status", hidden: !pending }, "sending…");
    const element = build("article", { className: pending ? "said pending" : "said", "aria-label": "You" },
      build("div", { className: "bubble" }, text),
      build("div", { className: "meta" }, status, build("time", { dateTime: new Date(at).toISOString() }, when(at))));
    return { key: `m:${upstream}`, element, status, pending, upstream, text };
  }

  noteEntry({ message, body, buttons, at }) {
    const element = build("article", { className: "note", "aria-label": "takopi" }, rendered(body, "answer"));
    const rows = (buttons ?? []).map((row) => build("div", { className: "buttons" },
      ...row.map((one) => button(one.label, (event) => this.press(event.target, message, one.action)))));
    element.append(...rows);
    if (body.source) element.append(build("footer", {}, copyButton(() => body.source, "Copy", "this message")));
    return { key: `n:${message}`, element, at };
  }

  async press(pressed, message, action) {
    pressed.disabled = true;
    try {
      const body = { conversation: this.conversation, message, action, client_id: crypto.randomUUID() };
      const { toast: text } = await post("/api/press", body);
      if (text) toast(text);
    } catch (failure) {
      toast(failure.message);
    } finally {
      pressed.disabled = false;
    }
  }

  runEntry(id) {
    const run = new Run(id, { cancel: (it) => this.cancel(it), changed: () => this.changed() });
    return { key: `r:${id}`, element: run.element, run };
  }

  async cancel(run) {
    try {
      await post("/api/cancel", { run: run.id });
    } catch (failure) {
      toast(failure.message);
      run.cancelButton.disabled = false;
      run.cancelButton.textContent = "Cancel";
    }
  }

  async loadEarlier() {
    const conversation = this.conversation;
    this.earlier.disabled = true;
    try {
      const piece = await get("/api/history", { conversation, before: this.before });
      if (conversation !== this.conversation) return;
      const height = this.scroll.scrollHeight - this.scroll.scrollTop;
      const older = piece.items.filter((item) => !this.entries.has(keyOf(item))).map((item) => this.entry(item, true));
      this.entries = new Map([...older.map((entry) => [entry.key, entry]), ...this.entries]);
      this.element.prepend(...older.map((entry) => entry.element));
      this.setBefore(piece.before);
      this.sticks = false;
      this.scroll.scrollTop = this.scroll.scrollHeight - height;
    } catch (failure) {
      toast(failure.message);
    } finally {
      this.earlier.disabled = false;
    }
  }

  setBefore(before) {
    this.before = before;
    this.earlier.hidden = before === null || before === undefined;
  }

  showEmpty() {
    const empty = byId("empty");
    // Not before it has something to say: `app.js` fills it.
    empty.hidden = !this.loaded || this.entries.size > 0 || !empty.hasChildNodes();
  }

  scrolled() {
    const { scrollHeight, clientHeight, scrollTop } = this.scroll;
    // Only a person scrolls up: what grows below must not unstick the view.
    if (scrollHeight - clientHeight - scrollTop < NEAR_END) this.sticks = true;
    else if (scrollTop < this.lastTop) this.sticks = false;
    this.lastTop = scrollTop;
    this.jump.hidden = this.sticks;
  }

  follow() {
    if (this.sticks) this.scroll.scrollTop = this.scroll.scrollHeight;
    else this.scrolled();
  }

  toEnd() {
    this.sticks = true;
    this.jump.hidden = true;
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }
}

function keyOf(item) {
  if (item.kind === "message") return `m:${item.upstream}`;
  return item.kind === "run" ? `r:${item.run}` : `n:${item.message}`;
}
