"""The engine `list`: each line of a message goes onto a list; the session is the list."""

import os
import uuid

from takopi_plugin import Plugin

plugin = Plugin("takopi-example-list", "0.1.0")


@plugin.engine("list")
def run(request):
    name = request.get("session") or uuid.uuid4().hex
    if not name.isalnum():
        raise ValueError(f"there is no list {name}")
    request.event("session", session=name)
    step = {"id": "write", "kind": "file_change", "title": "write the list down"}
    request.event("action", phase="started", **step)
    path = os.path.join(plugin.data_dir, name + ".txt")
    with open(path, "a+", encoding="utf-8") as file:
        for line in request["prompt"].splitlines():
            if request.cancelled.is_set():
                return ""
            if line.strip():
                file.write(line.strip() + "\n")
        file.seek(0)
        entries = file.read().splitlines()
    request.event("action", phase="completed", ok=True, **step)
    return "\n".join(f"{number}. {entry}" for number, entry in enumerate(entries, 1))


plugin.serve()
