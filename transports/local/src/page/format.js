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

/** Returns the same in a word, for those who listen. */
export const fateLabel = (action) => ({ running: "running", ok: "done", failed: "failed" })[fate(action)];

const KINDS = {
  command: "$", tool: "tool", web_search: "search", subagent: "agent", file_change: "files", warning: "warning",
};

/** Returns what an action is about: the kind of thing, what it is, whether that is code, and the exit status. */
export function title(action) {
  const suffix = action.phase === "completed" && action.detail?.exit_code ? `exit ${action.detail.exit_code}` : "";
  return {
    kind: KINDS[action.kind] ?? "",
    text: action.kind === "file_change" ? named(action) : action.title,
    code: action.kind === "command",
    suffix,
  };
}

/** Returns the files an action touched, each with what was done to it. */
export function files(action) {
  return (action.detail?.changes ?? []).filter(({ path }) => path).map(({ path, verb }) => `${verb || "update"} ${path}`);
}

function named(action) {
  const all = files(action);
  if (all.length === 0) return action.title;
  return all.length > 3 ? `${all.slice(0, 3).join(", ")}, …(${all.length - 3} more)` : all.join(", ");
}

/** Returns whether a text is a unified diff. */
export function isDiff(action, text) {
  return action.kind === "file_change" ? /^[-+@]/m.test(text) : /^@@ -\d/m.test(text);
}

/** Returns what a line of a diff is: `add`, `cut`, `hunk`, `file`, or nothing special. */
export function diffLine(line) {
  if (/^(diff |index |--- |\+\+\+ |new file |deleted file |similarity |rename )/.test(line)) return "file";
  if (line.startsWith("@@")) return "hunk";
  if (line.startsWith("+")) return "add";
  return line.startsWith("-") ? "cut" : "";
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
