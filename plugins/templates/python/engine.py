def run(takopi, run, stop):
    """Does one run in `run["cwd"]`. `stop` is set when somebody cancels it."""
    number = 0

    def tell(event):
        nonlocal number
        number += 1
        takopi.tell("engine/event", {"run": run["run"], "seq": number, "event": event})

    session = run.get("session") or f"{time.time_ns()}-{os.getpid()}"
    tell({"type": "session", "session": session})
    tell({"type": "action", "id": "look", "kind": "tool", "phase": "started", "title": "look around"})
    files = sorted(os.listdir(run["cwd"]))
    if stop.is_set():
        return {"outcome": "cancelled", "answer": "", "session": session}
    tell({"type": "action", "id": "look", "kind": "tool", "phase": "completed", "title": "look around", "ok": True})
    answer = f"You said: {run['prompt']}\n\nThere are {len(files)} files here."
    return {"outcome": "answered", "answer": answer, "session": session}


METHODS = {"engine/run": run}
