"""The transport @ID@ of takopi: a folder. A text file in in/ is a message, a file in out/ an answer.

What is printed goes to takopi's log.
"""

import os
import threading
import uuid

from takopi_plugin import Error, Plugin

plugin = Plugin("@DISTRIBUTION@", "0.1.0")
plugin.transport("@ID@")
stops = {}


@plugin.on("transport/start")
def start(request):
    for name in ("in", "out"):
        os.makedirs(os.path.join(plugin.data_dir, name), exist_ok=True)
    instance = request["instance"]
    stop = stops[instance] = threading.Event()
    threading.Thread(target=watch, args=(instance, stop), daemon=True).start()
    return {}


@plugin.on("transport/stop")
def stop(request):
    if request["instance"] in stops:
        stops.pop(request["instance"]).set()
    return {}


def watch(instance, stop):
    """Looks each second for what has come in. takopi has it for certain when it answers: only then the file goes."""
    inbox = os.path.join(plugin.data_dir, "in")
    while not stop.wait(1):
        for name in sorted(os.listdir(inbox)):
            path = os.path.join(inbox, name)
            if not name.endswith(".txt"):
                continue
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            message = {"address": {"instance": instance, "chat": "folder"}, "id": name}
            sender = {"id": "me", "name": "Me"}
            try:
                plugin.call(
                    "transport/inbound", kind="message", upstream_id=name, message=message, sender=sender, text=text
                )
            except Error as error:
                print(f"{name} was not taken, and is told again: {error}")
                continue
            os.remove(path)


@plugin.on("transport/send")
def send(request):
    # What is sent a second time comes with the same nonce, and is the same message.
    message = {"address": request["address"], "id": request.get("nonce") or uuid.uuid4().hex}
    show(message, request["part"])
    return {"message": message}


@plugin.on("transport/edit")
def edit(request):
    if not os.path.exists(path_of(request["message"])):
        raise Error(-32012, "the file is gone")
    show(request["message"], request["part"])
    return {}


@plugin.on("transport/delete")
def delete(request):
    path = path_of(request["message"])
    if os.path.exists(path):
        os.remove(path)
    return {}


@plugin.on("transport/menu")
def menu(request):
    return {}


def show(message, part):
    with open(path_of(message), "w", encoding="utf-8") as file:
        file.write(part["text"] + "\n")


def path_of(message):
    return os.path.join(plugin.data_dir, "out", os.path.basename(message["id"]) + ".txt")


plugin.serve()
