// Words and numbers for people. Pure.

const LABELS = {
  queued: "queued", starting: "starting", working: "working", done: "done",
  error: "error", cancelled: "cancelled", interrupted: "interrupted",
};

/** Returns whether a run in that state is over. */
export const isOver = (state) => ["done", "error", "cancelled", "interrupted"].includes(state);

/** Returns what is said of a run's state. */
export function label(state, ahead) {
  if (state === "queued" && ahead > 0) return `queued, ${ahead} ahead`;
  return LABELS[state] ?? state;
}

/** Returns a duration: `7s`, `2m 05s`, `1h 04m`. */
export function elapsed(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** Returns a number of steps in words. */
export const steps = (count) => (count === 1 ? "1 step" : `${count.toLocaleString("en")} steps`);

/** Returns when something was: the time today, else the date. */
export function when(ms, now = Date.now()) {
  const date = new Date(ms);
  const today = new Date(now).toDateString() === date.toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
}

/** Returns how an action fared: `running`, `ok` or `failed`. */
export function fate(action) {
  if (action.phase !== "completed") return "running";
  const ok = action.ok ?? !action.detail?.exit_code;
  return ok ? "ok" : "failed";
}

const GLYPHS = { running: "▸", ok: "✓", failed: "✗" };

/** Returns the sign in front of an action. */
export function glyph(action) {
  return action.phase === "updated" ? "↻" : GLYPHS[fate(action)];
}

/** Returns what an action is about, and whether that is code. */
export function title(action) {
  const suffix = action.detail?.exit_code ? ` (exit ${action.detail.exit_code})` : "";
  switch (action.kind) {
    case "command": return { text: action.title, code: true, suffix };
    case "tool": return { text: `tool: ${action.title}`, code: false, suffix };
    case "web_search": return { text: `searched: ${action.title}`, code: false, suffix };
    case "subagent": return { text: `subagent: ${action.title}`, code: false, suffix };
    case "file_change": return { text: files(action), code: false, suffix };
    default: return { text: action.title, code: false, suffix };
  }
}

function files(action) {
  const changes = action.detail?.changes ?? [];
  if (changes.length === 0) return `files: ${action.title}`;
  const shown = changes.slice(0, 3).map((change) => `${change.verb || "update"} ${change.path}`);
  if (changes.length > 3) shown.push(`…(${changes.length - 3} more)`);
  return `files: ${shown.join(", ")}`;
}

/** Returns where a run works, as it is typed in a message; empty when nowhere in particular. */
export function context(context) {
  const parts = [context?.project, context?.branch && `@${context.branch}`].filter(Boolean);
  return parts.length > 0 ? `ctx: ${parts.join(" ")}` : "";
}

/** Returns what a run has used, in a few words; empty when nothing is known. */
export function usage(usage) {
  const count = (tokens) => (tokens < 1000 ? String(tokens) : `${(tokens / 1000).toFixed(1)}k`);
  const parts = [];
  if (usage?.input_tokens) parts.push(`${count(usage.input_tokens)} in`);
  if (usage?.output_tokens) parts.push(`${count(usage.output_tokens)} out`);
  if (usage?.cost_usd) parts.push(`$${usage.cost_usd.toFixed(2)}`);
  return parts.join(" · ");
}
