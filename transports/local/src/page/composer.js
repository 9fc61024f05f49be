// The box a message is typed into, with its engine picker and the list of slash commands.

import { build, byId } from "./dom.js";

const MAX_HEIGHT_PX = 240;
const DRAFT = "takopi.draft.";
const ENGINE = "takopi.engine.";

/** Storage may be full or forbidden; a draft is not worth an error. */
function remember(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch { /* the draft lives until the page is left */ }
}

function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** The composer. `send(text, engine)` takes a message, `stop()` what Escape means; it says whether it meant something. */
export class Composer {
  constructor({ send, stop }) {
    this.commands = [];
    this.chosen = 0;
    this.text = byId("text");
    this.engine = byId("engine");
    this.list = byId("suggestions");
    this.send = send;
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.engine.addEventListener("change", () => remember(ENGINE + this.conversation, this.engine.value));
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      if (stop()) event.preventDefault();
    });
  }

  /** Shows what was being typed in a conversation. */
  show(conversation) {
    this.conversation = conversation;
    this.text.value = recall(DRAFT + conversation);
    this.engine.value = recall(ENGINE + conversation);
    if (this.engine.selectedIndex < 0) this.engine.value = "";
    this.typed();
  }

  /** Takes a text back to be changed, before what is being typed. */
  edit(text) {
    this.text.value = [text, this.text.value].filter(Boolean).join("\n");
    this.typed();
    this.text.focus();
  }

  /** Takes in the engines and commands. */
  menu({ engines, default_engine: fallback, commands }) {
    this.commands = commands;
    const kept = this.engine.value || recall(ENGINE + this.conversation);
    const name = engines.find((engine) => engine.id === fallback)?.title ?? fallback;
    const options = [build("option", { value: "" }, name ? `${name} (default)` : "default")];
    for (const engine of engines) {
      if (engine.id === fallback) continue;
      const title = engine.issue ? `${engine.title}: ${engine.issue}` : engine.title;
      options.push(build("option", { value: engine.id, disabled: Boolean(engine.issue) }, title));
    }
    this.engine.replaceChildren(...options);
    this.engine.value = kept;
    if (this.engine.selectedIndex < 0) this.engine.value = "";
    byId("engine-label").hidden = engines.length < 2;
  }

  /** Says what the keys do now. */
  hint(canStop) {
    byId("hint").textContent = canStop ? "Esc cancels the run" : "Enter sends, Shift+Enter starts a new line";
    byId("hint").classList.toggle("live", canStop);
  }

  submit() {
    const text = this.text.value;
    if (!text.trim()) return;
    const engine = this.engine.value || null;
    this.text.value = "";
    this.typed();
    this.send(text, engine);
    this.text.focus();
  }

  typed() {
    this.grow();
    remember(DRAFT + this.conversation, this.text.value);
    byId("send").disabled = !this.text.value.trim();
    this.chosen = 0;
    this.suggest();
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, MAX_HEIGHT_PX)}px`;
    this.text.style.overflowY = this.text.scrollHeight > MAX_HEIGHT_PX ? "auto" : "hidden";
  }

  key(event) {
    // An Enter that picks a character of an input method sends nothing.
    if (event.isComposing) return;
    const open = !this.list.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const count = this.list.childElementCount;
      this.chosen = (this.chosen + step + count) % count;
      this.suggest();
    } else if (open && (event.key === "Tab" && !event.shiftKey || event.key === "Enter" && !event.shiftKey && !this.isCommand())) {
      this.complete(this.matches()[this.chosen]);
    } else if (open && event.key === "Escape") {
      this.close();
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.submit();
    } else {
      return;
    }
    event.preventDefault();
  }

  isCommand() {
    return this.commands.some((command) => `/${command.id}` === this.text.value);
  }

  matches() {
    const typed = /^\/([a-z0-9_]*)$/.exec(this.text.value);
    return typed ? this.commands.filter((command) => command.id.startsWith(typed[1])) : [];
  }

  suggest() {
    const matches = this.matches();
    this.list.replaceChildren(...matches.map((command, index) => build("li", {
      id: `suggestion-${index}`,
      role: "option",
      "aria-selected": String(index === this.chosen),
      onmousedown: (event) => {
        event.preventDefault();
        this.complete(command);
      },
    }, build("code", {}, command.usage), build("span", {}, command.description))));
    this.list.hidden = matches.length === 0;
    if (matches.length > 0) {
      this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
      this.text.setAttribute("aria-activedescendant", `suggestion-${this.chosen}`);
      this.text.setAttribute("aria-controls", "suggestions");
    } else {
      this.text.removeAttribute("aria-activedescendant");
    }
  }

  complete(command) {
    this.text.value = `/${command.id} `;
    this.typed();
    this.text.focus();
  }

  close() {
    this.list.hidden = true;
    this.text.removeAttribute("aria-activedescendant");
  }
}
