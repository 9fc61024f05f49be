// What the browser keeps of a conversation: drafts and picks. Storage may be full or forbidden; neither is worth an
// error, they then live until the page is left.

/** Keeps a text; an empty one is forgotten. */
export function remember(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch { /* see above */ }
}

/** Returns the text that was kept, or an empty one. */
export function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}
