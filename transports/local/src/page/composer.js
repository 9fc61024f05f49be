// The box a message is typed into, with the list of slash commands; who works on it and where is `picks.js`.

import { build, byId } from "./dom.js";
import { recall, remember } from "./memory.js";
import { Picks } from "./picks.js";

const MAX_HEIGHT_PX = 240;
const DRAFT = "takopi.draft.";

/** The composer. `send(text, picks)` takes a message, `stop()` what Escape means; it says whether it meant something. */
export class Composer {
  constructor({ send, stop, engineTitle, begun }) {
    this.commands = [];
    this.chosen = 0;
    this.text = byId("text");
    this.list = byId("suggestions");
    this.send = send;
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.picks = new Picks({ engineTitle, begun, text: () => this.text.value, done: () => this.text.focus() });
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      // There it closes a list, and means nothing else.
      if (byId("picks").contains(event.target)) return;
      if (stop()) event.preventDefault();
    });
  }

  /** Shows what was being typed in a conversation. */
  show(conversation) {
    this.conversation = conversation;
    this.text.value = recall(DRAFT + conversation);
    this.picks.show(conversation);
    this.typed();
  }

  /** Takes a text back to be changed, before what is being typed. */
  edit(text) {
    this.text.value = [text, this.text.value].filter(Boolean).join("\n");
    this.typed();
    this.text.focus();
  }

  /** Takes in the engines and commands. */
  menu(menu) {
    const late = this.commands.length === 0;
    this.commands = menu.commands;
    this.picks.menu(menu);
    // A command may have been begun before any was known.
    if (late) this.suggest();
  }

  /** Says what the keys do now. */
  hint(canStop) {
    byId("hint").textContent = canStop ? "Esc cancels the run" : "Enter sends, Shift+Enter starts a new line";
    byId("hint").classList.toggle("live", canStop);
  }

  submit() {
    const text = this.text.value;
    if (!text.trim()) return;
    this.text.value = "";
    this.typed();
    this.send(text, this.picks.taken());
    this.text.focus();
  }

  typed() {
    this.grow();
    remember(DRAFT + this.conversation, this.text.value);
    byId("send").disabled = !this.text.value.trim();
    this.picks.typed();
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
