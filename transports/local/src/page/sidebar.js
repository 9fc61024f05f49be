// The list of conversations; on a narrow screen a drawer.

import { build, byId } from "./dom.js";
import { when } from "./format.js";

const NARROW = window.matchMedia("(max-width: 760px)");

/** The list. `begin()` starts a conversation. */
export class Sidebar {
  constructor({ begin }) {
    this.rows = new Map();
    this.current = null;
    this.element = byId("sidebar");
    this.opener = byId("open-sidebar");
    this.shade = byId("shade");
    byId("new").onclick = () => {
      this.toggle(false);
      begin();
    };
    this.opener.onclick = () => this.toggle(true);
    byId("close-sidebar").onclick = () => this.toggle(false);
    this.shade.onclick = () => this.toggle(false);
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) {
        event.preventDefault();
        event.stopPropagation();
        this.toggle(false);
      }
    });
    NARROW.addEventListener("change", () => this.toggle(false));
    this.toggle(false);
  }

  toggle(open) {
    const wasOpen = this.isOpen;
    this.isOpen = open && NARROW.matches;
    this.element.classList.toggle("open", this.isOpen);
    // A drawer that is out of sight must not be reached by keyboard either.
    this.element.inert = NARROW.matches && !this.isOpen;
    this.shade.hidden = !this.isOpen;
    this.opener.setAttribute("aria-expanded", String(this.isOpen));
    if (this.isOpen) byId("new").focus();
    else if (wasOpen) this.opener.focus();
  }

  /** Takes in the whole list. */
  list(conversations) {
    const fresh = new Set(conversations.map((row) => row.id));
    // A conversation begun a moment ago may not be in an older list.
    const begun = [...this.rows.values()].filter((row) => !fresh.has(row.id) && row.running > 0);
    const rows = [...conversations.map((row) => ({ ...row, at: row.last_at })), ...begun];
    this.rows = new Map(rows.map((row) => [row.id, row]));
    this.render();
  }

  /** Takes in that something happened somewhere. */
  activity({ conversation, running, said, at }) {
    const row = this.rows.get(conversation) ?? { id: conversation, title: said ?? "…" };
    this.rows.set(conversation, { ...row, running, at });
    this.render();
  }

  /** Marks the conversation that is open. */
  show(conversation) {
    this.current = conversation;
    this.toggle(false);
    this.render();
  }

  title(conversation) {
    return this.rows.get(conversation)?.title;
  }

  get running() {
    return [...this.rows.values()].some((row) => row.running > 0);
  }

  render() {
    const rows = [...this.rows.values()].sort((a, b) => b.at - a.at);
    const focused = document.activeElement?.closest?.("#conversations a")?.hash;
    byId("conversations").replaceChildren(...rows.map((row) => {
      const current = row.id === this.current;
      const link = build("a", { href: `#${row.id}`, "aria-current": current ? "page" : undefined },
        build("span", { className: "name" }, row.title || "Untitled"),
        row.running > 0
          ? build("span", { className: "dot", role: "img", "aria-label": "working" })
          : build("time", { dateTime: new Date(row.at).toISOString() }, when(row.at)));
      return build("li", {}, link);
    }));
    if (focused) [...this.element.querySelectorAll("a")].find((link) => link.hash === focused)?.focus();
  }
}
