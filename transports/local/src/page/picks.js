// Who works on the next message and where: the pickers of engine, project and branch.
//
// What nobody picked shows what takopi itself would choose, which it is asked for: nothing is hidden, and nothing
// is worked out twice.

import { build, byId } from "./dom.js";
import { recall, remember } from "./memory.js";
import { get, post } from "./server.js";

const KEY = "takopi.picks.";
// Longer than the pause between two keys.
const TYPING_MS = 250;
// As much as directives and resume lines are looked for in.
const FORESEEN_CHARS = 4_000;
const BRANCHES_FOR_MS = 15_000;

/** The pickers. `engineTitle(id)` names an engine, `text()` is what is being typed, `begun()` says whether something ran here. */
export class Picks {
  constructor({ engineTitle, text, begun, done }) {
    this.engineTitle = engineTitle;
    this.text = text;
    this.begun = begun;
    this.engine = byId("engine");
    this.project = byId("project");
    this.branch = byId("branch");
    this.outlook = byId("outlook");
    this.listed = { project: null, at: 0 };
    this.projects = [];
    this.issues = new Map();
    for (const picker of [this.engine, this.project]) picker.addEventListener("change", () => this.picked());
    this.branch.addEventListener("input", () => this.picked());
    this.branch.addEventListener("focus", () => this.suggest());
    this.branch.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      done();
    });
  }

  /** Shows what was picked in a conversation. */
  show(conversation) {
    this.conversation = conversation;
    this.foreseen = null;
    this.last = null;
    this.problem = "";
    this.restore();
    this.branch.value = this.kept().context?.branch ?? "";
    this.explain();
    this.ask();
  }

  /** Takes in what can be picked. */
  menu({ engines, projects }) {
    // A list that is open stays open where nothing has changed.
    const told = JSON.stringify([engines, projects]);
    if (told === this.told) {
      this.ask();
      return;
    }
    this.told = told;
    this.projects = projects;
    this.issues = new Map(engines.map((engine) => [engine.id, engine.issue]));
    const options = engines.map((engine) => build("option", { value: engine.id, disabled: Boolean(engine.issue) },
      engine.issue ? `${engine.title}: ${engine.issue}` : engine.title));
    this.engine.replaceChildren(build("option", { value: "" }), ...options);
    this.project.replaceChildren(build("option", { value: "" }),
      ...projects.map(({ alias }) => build("option", { value: alias }, alias)));
    byId("engine-label").hidden = engines.length < 2;
    byId("project-label").hidden = projects.length === 0;
    this.restore();
    this.explain();
    this.ask();
  }

  /** Returns what is picked, as it is sent with a message. */
  taken() {
    const branch = this.branch.value.trim().replace(/^@/, "");
    return {
      engine: this.engine.value || null,
      context: { project: this.project.value || null, branch: branch || null },
    };
  }

  kept() {
    try {
      return JSON.parse(recall(KEY + this.conversation)) ?? {};
    } catch {
      return {};
    }
  }

  /** What is picked but not there any more is not picked. */
  restore() {
    const { engine, context } = this.kept();
    this.engine.value = engine ?? "";
    this.project.value = context?.project ?? "";
    if (this.engine.selectedIndex < 0) this.engine.value = "";
    if (this.project.selectedIndex < 0) this.project.value = "";
  }

  picked() {
    const taken = this.taken();
    const none = !taken.engine && !taken.context.project && !taken.context.branch;
    remember(KEY + this.conversation, none ? "" : JSON.stringify(taken));
    this.foreseen = null;
    this.explain();
    this.ask();
  }

  /** Asks soon what would become of the message; an older question is forgotten. */
  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), TYPING_MS);
  }

  async ask() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const body = { conversation: this.conversation, text: this.text().slice(0, FORESEEN_CHARS), ...this.taken() };
    try {
      const foreseen = await post("/api/foresee", body, asking.signal);
      if (this.asking !== asking) return;
      this.foreseen = foreseen;
      if (foreseen.kind === "run") this.last = foreseen;
      this.explain();
    } catch {
      // The pickers then say what is picked, and no more; sending it tells what is wrong.
    }
  }

  /** Says what will happen where nothing is picked, and where what is picked does not hold. */
  explain() {
    // A command or a refusal says nothing of where a message would go; what was known of that still holds.
    const run = this.last;
    const { engine, context } = this.taken();
    this.label(this.engine, run && !engine ? this.unpicked(run.engine) : "Default engine");
    this.label(this.project, !run || context.project ? "Default place" : this.alias(run.context.project) ?? "This directory");
    this.branch.placeholder = (!context.branch && run?.context.branch) || "branch";
    byId("branch-label").hidden = !(context.project || run?.context.project || context.branch);

    const said = this.sentence(engine, context) || this.problem;
    this.outlook.textContent = said;
    this.outlook.hidden = !said;
    this.outlook.classList.toggle("refused", this.foreseen?.kind === "refused");
    if (document.activeElement === this.branch) this.suggest();
  }

  sentence(engine, context) {
    if (this.foreseen?.kind === "refused") return `Would be refused: ${this.foreseen.reason}`;
    if (this.foreseen?.kind !== "run") return "";
    const run = this.foreseen;
    const where = [run.context.project && this.alias(run.context.project), run.context.branch && `@${run.context.branch}`]
      .filter(Boolean).join(" ") || "this directory";
    const moot = engine && engine !== run.engine
      || context.project && context.project.toLowerCase() !== run.context.project
      || context.branch && context.branch !== run.context.branch;
    const who = this.engineTitle(run.engine);
    if (moot) return `${run.goes_on ? "Goes on with" : "Goes to"} ${who} in ${where}, as the message says.`;
    if (!run.goes_on && this.begun()) return `Begins a new session of ${who} in ${where}.`;
    return "";
  }

  unpicked(engine) {
    const issue = this.issues.get(engine);
    return `${this.engineTitle(engine)} (default)${issue ? `: ${issue}` : ""}`;
  }

  label(picker, text) {
    const first = picker.options[0];
    if (first && first.textContent !== text) first.textContent = text;
    picker.title = picker.selectedOptions[0]?.textContent ?? "";
  }

  alias(key) {
    return this.projects.find(({ alias }) => alias.toLowerCase() === key)?.alias ?? key;
  }

  /** Lists the branches of the project that is meant, a moment old at most. */
  async suggest() {
    const project = this.project.value || this.last?.context.project;
    if (!project || (this.listed.project === project && Date.now() - this.listed.at < BRANCHES_FOR_MS)) return;
    this.listing?.abort();
    const listing = new AbortController();
    this.listing = listing;
    this.listed = { project, at: Date.now() };
    this.offer([]);
    try {
      const { branches } = await get("/api/branches", { project }, listing.signal);
      if (this.listing !== listing) return;
      this.offer(branches);
    } catch (failure) {
      if (this.listing !== listing) return;
      this.problem = `Type the branch: ${failure.message}.`;
      this.explain();
    }
  }

  offer(branches) {
    this.problem = "";
    byId("branches").replaceChildren(...branches.map((name) => build("option", { value: name })));
  }
}
