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
      if (!copyByHand(text())) said = "Not copied";
    }
    copy.textContent = said;
    announce(said);
    setTimeout(() => { copy.textContent = label; }, 1500);
  }, { className: "copy quiet", "aria-label": what ? `${label} ${what}` : undefined });
  return copy;
}

/** Copies as a person would, where the browser gives pages no clipboard; returns whether it worked. */
function copyByHand(text) {
  const focused = document.activeElement;
  const box = build("textarea", { className: "hidden", value: text, readOnly: true });
  document.body.append(box);
  box.select();
  // Out of fashion, and the only way without the clipboard's permission.
  const copied = document.execCommand("copy");
  box.remove();
  focused?.focus();
  return copied;
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

/** Makes `elements` the children of `parent`, touching only what differs. */
export function place(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
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
