// One run: a card while it works, and its answer below it.

import { announce, build, button, copyButton, place, rendered } from "./dom.js";
import * as format from "./format.js";
import { get } from "./server.js";
import { KEPT_STEPS, Steps } from "./steps.js";

// Within so many pixels of the end, a box follows what is written.
const NEAR_END = 24;

/** Builds the view of one run. `cancel(run)` stops it, `changed()` is called when it begins or ends. */
export class Run {
  constructor(id, { cancel, changed }) {
    this.id = id;
    this.state = "queued";
    this.ahead = 0;
    this.inbox = [];
    this.steps = 0;
    this.leftOut = 0;
    this.actions = new Map();
    this.parts = new Map();
    this.open = false;
    this.since = null;
    this.elapsedMs = null;
    this.changed = changed;

    this.mark = build("span", { className: "mark", "aria-hidden": "true" });
    this.headline = build("span", { className: "headline" });
    this.clock = build("span", { className: "clock" });
    this.cancelButton = button("Cancel", () => {
      this.cancelButton.disabled = true;
      this.cancelButton.textContent = "Cancelling…";
      cancel(this);
    }, { className: "cancel" });
    this.toggle = button("", () => this.turn(), { className: "toggle quiet", "aria-expanded": "false", hidden: true });
    this.head = build("div", { className: "head" }, this.mark, this.headline, this.clock, this.toggle, this.cancelButton);
    this.list = new Steps();
    this.notes = build("div", { className: "notes", hidden: true });
    this.draft = build("pre", { className: "draft", tabIndex: 0, hidden: true, role: "region", "aria-label": "Text so far" });
    this.card = build("div", { className: "card" }, this.head, this.list.element, this.notes, this.draft);
    this.error = build("div", { className: "error", hidden: true });
    this.answer = build("div", { hidden: true });
    this.foot = build("footer", { hidden: true });
    this.element = build("article", { className: "run", "aria-label": "Run" }, this.card, this.answer, this.error, this.foot);
  }

  get over() { return format.isOver(this.state); }

  /** Takes in what the server says of the run as a whole; what it leaves out stays. */
  update(view) {
    const was = this.state;
    // A run that ended does not begin again because an older event comes late.
    if (!this.over || format.isOver(view.state)) {
      const late = this.state === "working" && ["queued", "starting"].includes(view.state);
      if (!late) this.state = view.state;
    }
    for (const name of ["engine", "ahead", "context", "resume", "usage", "left_running"]) {
      if (view[name] !== undefined) this[name] = view[name];
    }
    if (view.inbox?.length) this.inbox = view.inbox;
    if (view.steps !== undefined) this.steps = Math.max(this.steps, view.steps);
    if (view.elapsed_ms !== undefined) this.setElapsed(view.elapsed_ms);
    if (view.error !== undefined) this.setError(view.error);
    if (view.answer !== undefined) this.setAnswer(view.answer);
    if (this.over && !format.isOver(was)) this.ended();
    this.show();
    if (was !== this.state) this.changed();
  }

  /** Takes in what changed while it works. */
  paint(paint) {
    if (paint.reset) {
      this.actions.clear();
      this.leftOut = paint.left_out;
    }
    if (!this.over && this.state !== "working") {
      this.state = "working";
      this.changed();
    }
    for (const action of paint.actions) this.actions.set(action.id, action);
    this.trim();
    this.steps = Math.max(this.steps, paint.steps);
    if (!this.over) this.setElapsed(paint.elapsed_ms);
    // Who scrolled up in it is reading.
    const { scrollHeight, scrollTop, clientHeight } = this.draft;
    const follows = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (paint.text !== undefined) this.draft.textContent = paint.text;
    if (paint.notes) this.notes.replaceChildren(...paint.notes.map((note) => build("p", { className: note.level }, note.text)));
    if (paint.usage) this.usage = paint.usage;
    if (paint.resume) this.resume = paint.resume;
    if (paint.answer) this.setAnswer(paint.answer);
    this.show();
    if (follows) this.draft.scrollTop = this.draft.scrollHeight;
  }

  trim() {
    if (this.actions.size <= 2 * KEPT_STEPS) return;
    const between = [...this.actions.keys()].slice(KEPT_STEPS, this.actions.size - KEPT_STEPS);
    const surplus = between.filter((id) => !this.list.holds(id));
    for (const id of surplus) this.actions.delete(id);
    this.leftOut += surplus.length;
  }

  setElapsed(ms) {
    this.elapsedMs = ms;
    this.since = performance.now();
  }

  setError(text) {
    this.error.replaceChildren(build("pre", {}, text));
    this.error.hidden = false;
  }

  setAnswer(body) {
    // Told again after a lost connection: a person may be reading in it.
    if (body.source === this.source) return;
    const shown = rendered(body, "answer");
    this.answer.replaceWith(shown);
    this.answer = shown;
    this.source = body.source;
    // Output as it came is read from its end, as in a terminal.
    const output = shown.querySelector("pre.plain");
    if (output) requestAnimationFrame(() => { output.scrollTop = output.scrollHeight; });
  }

  ended() {
    // What somebody is reading does not fold under their eyes.
    this.open = this.list.isRead;
    this.justEnded = true;
  }

  /** Says the end to those who listen; not called for what history tells. */
  announceEnd(engine) {
    if (!this.justEnded) return;
    this.justEnded = false;
    const said = this.source ?? this.error.textContent;
    announce(`${engine}: ${format.label(this.state)}. ${said ?? ""}`);
  }

  /** Moves the clock on; the engine may be silent. */
  tick() {
    if (this.elapsedMs === null) {
      this.clock.textContent = "";
      return;
    }
    const more = this.over || this.state === "queued" ? 0 : performance.now() - this.since;
    const ms = this.elapsedMs + more;
    this.clock.textContent = this.over && ms < 1000 ? "<1s" : format.elapsed(ms);
  }

  turn() {
    this.open = !this.open;
    if (this.open && this.over && this.actions.size < Math.min(this.steps, 2 * KEPT_STEPS)) this.fetchSteps();
    this.show();
  }

  async fetchSteps() {
    try {
      const { actions, left_out: leftOut } = await get("/api/run", { run: this.id });
      this.actions.clear();
      for (const action of actions) this.actions.set(action.id, action);
      this.leftOut = leftOut;
      this.show();
    } catch (failure) {
      this.notes.replaceChildren(build("p", { className: "error" }, failure.message));
      this.notes.hidden = false;
    }
  }

  show() {
    const over = this.over;
    this.element.dataset.state = this.state;
    this.element.dataset.run = this.id;
    const parts = [format.label(this.state, this.ahead), this.engine];
    // Else the button that shows them all counts them.
    if (this.steps > 1 && !over && !Steps.exceeds(this.actions.size)) parts.push(format.steps(this.steps));
    this.headline.textContent = parts.filter(Boolean).join(" · ");
    this.element.setAttribute("aria-label", `Run: ${this.headline.textContent}`);
    this.tick();

    this.cancelButton.hidden = over;
    this.notes.hidden = this.notes.childElementCount === 0 || (over && !this.open);
    this.draft.hidden = over || !this.draft.textContent || Boolean(this.source);
    this.showSteps();
    this.showFoot();
  }

  showSteps() {
    const actions = [...this.actions.values()];
    // Output as it came is that of one command, which stands above it already.
    const bare = this.steps === 1 && this.answer.querySelector("pre.plain");
    const more = this.over ? this.steps > 0 && !bare : Steps.exceeds(actions.length);
    this.toggle.hidden = !more;
    this.toggle.textContent = this.open ? (this.over ? "Hide steps" : "Show fewer")
      : `${this.over ? "" : "All "}${format.steps(this.steps)}`;
    this.toggle.setAttribute("aria-expanded", String(this.open));
    this.list.show(actions, { all: this.open, over: this.over, leftOut: this.leftOut });
  }

  showFoot() {
    const parts = [];
    const ctx = format.context(this.context);
    if (ctx) parts.push(this.part(ctx, () => build("code", {}, ctx)));
    const usage = format.usage(this.usage);
    if (usage) parts.push(this.part(usage, () => build("span", {}, usage)));
    if (this.resume) {
      const line = this.resume;
      parts.push(this.part(`resume ${line}`, () => build("span", { className: "resume" }, build("code", {}, line),
        copyButton(() => line, "Copy", "the resume line"))));
    }
    for (const line of this.left_running ?? []) parts.push(this.part(`left ${line}`, () => build("span", {}, `left running: ${line}`)));
    if (this.over && this.source) parts.push(this.part("answer", () => copyButton(() => this.source, "Copy answer")));
    this.foot.hidden = parts.length === 0;
    place(this.foot, parts);
  }

  /** Returns a part of the foot, always the same for one key: a button that is being pressed must not be replaced. */
  part(key, make) {
    const known = this.parts.get(key) ?? make();
    this.parts.set(key, known);
    return known;
  }
}
