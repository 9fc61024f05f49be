"""The engine @ID@ of takopi. What is printed goes to takopi's log."""

import os
import uuid

from takopi_plugin import Plugin

plugin = Plugin("@DISTRIBUTION@", "0.1.0")


@plugin.engine("@ID@")
def run(request):
    """Does one run and returns its answer. An exception fails it; request.cancelled is set when somebody cancels it."""
    session = request.get("session") or uuid.uuid4().hex
    request.event("session", session=session)
    step = {"id": "look", "kind": "tool", "title": "look around"}
    request.event("action", phase="started", **step)
    files = os.listdir(request["cwd"])
    request.event("action", phase="completed", ok=True, **step)
    return f"You said: {request['prompt']}\n\nThere are {len(files)} files here."


plugin.serve()
