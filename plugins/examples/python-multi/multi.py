"""/multi PROMPT: asks several engines at the same time, and shows their answers together."""

from takopi_plugin import Plugin

plugin = Plugin("takopi-example-multi", "0.1.0")


@plugin.command("multi")
def multi(request):
    prompt = request["args_text"].strip()
    if not prompt:
        return "usage: `/multi <prompt>`"
    chosen = request.get("config", {}).get("engines")
    if not chosen:
        engines = request.host("engines")["engines"]
        chosen = [engine["id"] for engine in engines if not engine.get("issue")]
    print("asking", *chosen)  # to takopi's log
    asked = [{"prompt": prompt, "engine": engine, "mode": "capture"} for engine in chosen]
    ran = request.host("run_many", requests=asked, parallel=True)["results"]
    return "\n\n".join(f"**{one['engine']}**\n\n{said(one)}" for one in ran) or "There is no engine to ask."


def said(one):
    if one["outcome"] == "answered":
        return one["answer"] or "(no output)"
    return f"{one['outcome']}: {one.get('error') or 'no reason given'}"


@plugin.on("config/check")
def check(request):
    engines = request["config"].get("engines", [])
    if isinstance(engines, list) and all(isinstance(engine, str) for engine in engines):
        return {"issues": []}
    return {"issues": [{"level": "error", "title": "engines is no list of ids", "lines": ['write engines = ["codex"]']}]}


plugin.serve()
