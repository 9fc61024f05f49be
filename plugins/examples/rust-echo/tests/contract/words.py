"""An engine that does what its prompt says: the contract of engines asks for more than an example would do."""

import subprocess
import threading

from takopi_plugin import Plugin

plugin = Plugin("takopi-words", "1.0.0")


@plugin.engine("words")
def run(request):
    prompt = request["prompt"]
    if prompt == "fail":
        raise ValueError("as the prompt says")
    if prompt == "talk":
        for _ in range(3000):
            request.event("text", delta="more")
        return "ok"
    if prompt == "flood":
        while not request.cancelled.is_set():
            request.event("text", delta="more")
        return ""
    if prompt in ("hang", "deaf"):
        child = subprocess.Popen(["sleep", "1000"])
        request.event("text", delta="ready")
        (request.cancelled if prompt == "hang" else threading.Event()).wait()
        child.kill()
        child.wait()
        return ""
    word = prompt.split()[-1]
    request.event("session", session=f"s-{word}")
    request.event("text", delta=word)
    return word


plugin.serve()
