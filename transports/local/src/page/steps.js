// The steps of a run as a list. A step keeps its place in the page from its first news to its last, so that what
// somebody has unfolded or marked stays as it is while more comes.

import { build, place } from "./dom.js";
import * as format from "./format.js";

// As many as the server keeps: the first ones and the last ones.
export const KEPT_STEPS = 200;
const SHOWN_STEPS = 5;
// Within so many pixels of the end, a box follows what is written.
const NEAR_END = 24;
// A longer title is cut in its line, and whole behind the fold.
const LONG_TITLE = 90;

/** The list of a run's steps. */
export class Steps {
  constructor() {
    this.rows = new Map();
    this.gap = build("li", { className: "gap" });
    this.element = build("ol", { className: "steps", hidden: true, "aria-label": "Steps" });
  }

  /** Tells whether somebody has unfolded or marked something in it. */
  get isRead() { return [...this.rows.values()].some((row) => row.isRead); }

  /** Tells whether this step must stay where it is. */
  holds(id) { return this.rows.get(id)?.isRead ?? false; }

  /** Returns whether so many steps are more than are shown without `all`. */
  static exceeds(count) { return count > SHOWN_STEPS; }

  /** Shows the steps of a run: all, or the last ones; none of the others once it is over. */
  show(actions, { all, over, leftOut }) {
    const from = over ? actions.length : actions.length - SHOWN_STEPS;
    const shown = actions.filter((action, index) => all || index >= from || (!over && this.holds(action.id)));
    const elements = shown.map((action) => this.row(action));
    if (all && leftOut > 0) {
      this.gap.textContent = `${format.steps(leftOut)} not kept`;
      elements.splice(Math.min(KEPT_STEPS, elements.length), 0, this.gap);
    }
    place(this.element, elements);
    this.element.hidden = elements.length === 0;
    if (this.rows.size > 2 * actions.length) this.forget(new Set(actions.map((action) => action.id)));
  }

  /** Returns the element of an action, changed only when the action did: a flood must not cost a look at all. */
  row(action) {
    let row = this.rows.get(action.id);
    if (!row) this.rows.set(action.id, row = new Row());
    row.update(action);
    return row.element;
  }

  forget(known) {
    for (const id of this.rows.keys()) if (!known.has(id)) this.rows.delete(id);
  }
}

/** One step: a line, and below it what can be unfolded. */
class Row {
  constructor() {
    this.glyph = build("span", { className: "glyph", role: "img" });
    this.kind = build("span", { className: "kind" });
    this.title = build("span", { className: "title" });
    this.suffix = build("span", { className: "suffix" });
    this.line = build("span", { className: "line" }, this.glyph, this.kind, this.title, this.suffix);
    this.element = build("li", {}, this.line);
  }

  get isRead() {
    const marked = getSelection();
    return Boolean(this.details?.open && this.turned)
      || (marked.type === "Range" && this.element.contains(marked.anchorNode));
  }

  update(action) {
    if (this.action === action) return;
    this.action = action;
    const fate = format.fate(action);
    const { kind, text, code, suffix } = format.title(action);
    this.element.className = fate;
    set(this.glyph, format.glyph(action));
    this.glyph.setAttribute("aria-label", format.fateLabel(action));
    set(this.kind, kind);
    this.kind.hidden = !kind;
    set(this.title, text);
    this.title.title = text;
    this.title.classList.toggle("mono", code);
    set(this.suffix, suffix);
    this.suffix.hidden = !suffix;
    this.unfoldable(action, fate === "failed");
  }

  /** Shows files and output behind a fold; a failure is open until somebody closes it. */
  unfoldable(action, failed) {
    const output = action.detail?.output?.replace(/\n+$/, "") ?? "";
    const files = format.files(action);
    if (!output && files.length < 2 && this.title.textContent.length <= LONG_TITLE) return;
    if (!this.details) {
      this.files = build("ul", { className: "files" });
      this.output = build("pre", { className: "output", tabIndex: 0, role: "region" });
      const summary = build("summary", {}, this.line);
      // Only a person's own click counts as one: a failure that opens by itself may close by itself.
      summary.addEventListener("click", () => { this.turned = true; });
      this.details = build("details", {}, summary, this.files, this.output);
      this.element.replaceChildren(this.details);
    }
    if (!this.turned) this.details.open = failed && Boolean(output);
    const title = this.title.textContent;
    const named = files.length > 1 ? files : title.length > LONG_TITLE ? [title] : [];
    if (this.files.textContent !== named.join("")) this.files.replaceChildren(...named.map((file) => build("li", {}, file)));
    this.files.hidden = named.length === 0;
    this.output.hidden = !output;
    if (output !== this.shown) this.write(output, action);
  }

  write(output, action) {
    const { scrollHeight, scrollTop, clientHeight } = this.output;
    const follows = this.shown !== undefined && scrollHeight - scrollTop - clientHeight < NEAR_END;
    const diff = format.isDiff(action, output);
    this.output.setAttribute("aria-label", diff ? "Changes" : "Output");
    this.output.classList.toggle("diff", diff);
    if (diff) {
      this.output.replaceChildren(...output.split("\n").map((line) => build("span", { className: format.diffLine(line) }, `${line}\n`)));
    } else if (this.shown && output.startsWith(this.shown) && this.output.firstChild?.nodeType === Node.TEXT_NODE) {
      // Added, not replaced: what is marked stays marked.
      this.output.firstChild.appendData(output.slice(this.shown.length));
    } else {
      this.output.textContent = output;
    }
    this.shown = output;
    if (follows) this.output.scrollTop = this.output.scrollHeight;
  }
}

/** Sets a text only where it differs, so that a mark in it stays. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
