// How the page speaks with takopi: questions, messages and the stream of what happens.

/** Why a request failed; `retry` says whether the same may be tried again. */
export class Failure extends Error {
  constructor(message, { retry = false, status = 0 } = {}) {
    super(message);
    this.retry = retry;
    this.status = status;
  }
}

// Longer than the server itself waits for its disk.
const REQUEST_MS = 40_000;

async function ask(path, options, signal) {
  const limit = AbortSignal.timeout(REQUEST_MS);
  let response;
  try {
    response = await fetch(path, { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  } catch {
    throw new Failure("takopi does not answer: is it running?", { retry: true });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const text = answer.error ?? `takopi answered ${response.status}`;
  throw new Failure(text, { retry: response.status >= 500, status: response.status });
}

/** Asks for something. `signal` takes the question back. */
export const get = (path, query = {}, signal = null) => ask(`${path}?${new URLSearchParams(query)}`, {}, signal);

/** Asks for something to be done. */
export const post = (path, body, signal = null) => ask(path, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
}, signal);

const EVENTS = ["hello", "item", "edited", "deleted", "accepted", "run", "paint", "activity"];
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
// A tab nobody looks at gives its connection up: a browser allows six to one host, for all tabs together.
const HIDDEN_MS = 60_000;

/**
 * Keeps a stream of one conversation open. `hear(name, data)` gets its events, `connected(is)` is told when
 * it comes and goes, `mayRest()` says whether a hidden page may let go of it.
 */
export function stream(conversation, { hear, connected, mayRest }) {
  let source = null;
  let timer = 0;
  let restTimer = 0;
  let wait = FIRST_RETRY_MS;
  let closed = false;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`/api/events?${new URLSearchParams({ conversation })}`);
    const mine = source;
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (mine !== source) return;
        if (name === "hello") {
          wait = FIRST_RETRY_MS;
          connected(true);
        }
        hear(name, JSON.parse(event.data));
      });
    }
    source.onerror = () => {
      if (mine !== source) return;
      source.close();
      source = null;
      connected(false);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LAST_RETRY_MS);
    };
  }

  function looked() {
    clearTimeout(restTimer);
    if (document.hidden) restTimer = setTimeout(rest, HIDDEN_MS);
    else if (!source) open();
  }

  function rest() {
    if (!document.hidden || closed) return;
    if (!mayRest()) {
      restTimer = setTimeout(rest, HIDDEN_MS);
      return;
    }
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", looked);
  window.addEventListener("online", looked);
  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(restTimer);
      source?.close();
      source = null;
      document.removeEventListener("visibilitychange", looked);
      window.removeEventListener("online", looked);
    },
  };
}
