"""A transport that is a folder: a file in `in/` is a message, the answers to it go to `out/`.

The name of a file is the message's name, so writing the same name again is the same message. A chat is one folder.
"""

import os
import threading

from takopi_plugin import Error, Plugin

plugin = Plugin("takopi-example-folder", "0.1.0")
doors = {}


@plugin.on("transport/start")
def start(request):
    folder = request["config"].get("folder")
    if not folder:
        raise Error(-32014, "folder is missing", {"issues": issues({})})
    for name in ("in", "out", "done"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    door = doors[request["instance"]] = {"folder": folder, "stop": threading.Event(), "lock": threading.Lock()}
    threading.Thread(target=watch, args=(request["instance"], door), daemon=True).start()
    return {}


@plugin.on("transport/stop")
def stop(request):
    door = doors.pop(request["instance"], None)
    if door:
        door["stop"].set()
    return {}


def watch(instance, door):
    """Hands in each file, and puts it away once takopi has it."""
    inbox = os.path.join(door["folder"], "in")
    while not door["stop"].is_set():
        for name in sorted(os.listdir(inbox)):
            # Who writes a file writes it under a hidden name first, then renames it.
            if not name.startswith("."):
                take(instance, door, name)
        door["stop"].wait(0.2)


def take(instance, door, name):
    path = os.path.join(door["folder"], "in", name)
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    message = {"address": {"instance": instance, "chat": "folder"}, "id": name}
    sender = {"id": "folder", "name": "folder"}
    try:
        plugin.call("transport/inbound", upstream_id=name, kind="message", message=message, sender=sender, text=text)
    except Error as error:
        print(f"{name} was not taken: {error}")
        door["stop"].wait(5)
        return
    os.replace(path, os.path.join(door["folder"], "done", name))


@plugin.on("transport/send")
def send(request):
    address = request["address"]
    door = door_of(address)
    with door["lock"]:
        known = door.setdefault("sent", {})
        name = known.get(request.get("nonce"))
        if name is None:
            number = 1 + max((int(name) for name in os.listdir(out(door)) if name.isdigit()), default=0)
            name = f"{number:06}"
            write(os.path.join(out(door), name), request["part"]["text"])
            if request.get("nonce"):
                known[request["nonce"]] = name
    return {"message": {"address": address, "id": name}}


@plugin.on("transport/edit")
def edit(request):
    path = path_of(request["message"])
    if not os.path.exists(path):
        raise Error(-32012, "the file is gone")
    write(path, request["part"]["text"])
    return {}


@plugin.on("transport/delete")
def delete(request):
    try:
        os.remove(path_of(request["message"]))
    except FileNotFoundError:
        pass
    return {}


@plugin.on("transport/menu")
def menu(request):
    return {}


@plugin.on("config/check")
def check(request):
    return {"issues": issues(request["config"])}


def issues(config):
    if isinstance(config.get("folder"), str) and os.path.isabs(config["folder"]):
        return []
    return [{"level": "error", "title": "folder is no absolute path", "lines": ['write folder = "/home/me/chat"']}]


def door_of(address):
    if address["instance"] not in doors:
        raise Error(-32600, f"{address['instance']} is not started")
    return doors[address["instance"]]


def out(door):
    return os.path.join(door["folder"], "out")


def path_of(message):
    if not message["id"].isdigit():
        raise Error(-32012, "there is no such file")
    return os.path.join(out(door_of(message["address"])), message["id"])


def write(path, text):
    """Writes a file so that nobody sees half of it."""
    hidden = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{threading.get_ident()}")
    with open(hidden, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(hidden, path)


plugin.transport("folder")
plugin.serve()
