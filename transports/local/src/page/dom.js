// Small pieces that build elements. Text is always set as text; `rendered` alone takes HTML, which the
// server has made harmless.

/** Returns the element with that id. */
export const byId = (id) => document.getElementById(id);

/** Builds an element: properties are set as such, `data` as data attributes, `aria-…` and `role` as attributes. */
export function build(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Builds a button that does not submit anything. */
export function button(label, onclick, properties = {}) {
  return build("button", { type: "button", onclick, ...properties }, label);
}

/** Builds a button that copies what `text()` returns. */
export function copyButton(text, label = "Copy", what = "") {
  const copy = button(label, async () => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      said = "Not copied";
    }
    copy.textContent = said;
    setTimeout(() => { copy.textContent = label; }, 1500);
  }, { className: "copy quiet", "aria-label": what ? `${label} ${what}` : undefined });
  return copy;
}

/** Builds an element that shows a text the server rendered; its code blocks can be copied. */
export function rendered(body, className) {
  const element = build("div", { className: `prose ${className}` });
  element.innerHTML = body.html;
  for (const block of element.querySelectorAll("pre")) {
    block.tabIndex = 0;
    block.setAttribute("role", "region");
    block.setAttribute("aria-label", "Code");
    const frame = build("div", { className: "code" });
    block.replaceWith(frame);
    frame.append(block);
    // An answer that is one block is copied below it, where nothing is covered.
    if (!block.classList.contains("plain")) frame.append(copyButton(() => block.textContent, "Copy", "this block"));
  }
  for (const table of element.querySelectorAll("table")) {
    const frame = build("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  }
  return element;
}

/** Shows a text for a moment. */
export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { element.hidden = true; }, 4000);
}

/** Reads a text to those who listen instead of looking. */
export function announce(text) {
  const announcer = byId("announcer");
  announcer.append(build("p", {}, text.length > 600 ? `${text.slice(0, 600)}…` : text));
  while (announcer.childElementCount > 5) announcer.firstElementChild.remove();
}
