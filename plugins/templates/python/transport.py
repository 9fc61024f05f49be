class Folder:
    """A folder that is a chat: a text file in in/ is a message, a file in out/ an answer."""

    def __init__(self):
        self.dir = os.environ.get("TAKOPI_DATA_DIR", ".")
        self.stopped = None

    def start(self, takopi, start, stop):
        for name in ("in", "out"):
            os.makedirs(os.path.join(self.dir, name), exist_ok=True)
        self.stopped = threading.Event()
        watch = (takopi, start["instance"], self.stopped)
        threading.Thread(target=self.watch, args=watch, daemon=True).start()
        return {}

    def stop(self, takopi, stop_, stop):
        if self.stopped:
            self.stopped.set()
        return {}

    def watch(self, takopi, instance, stopped):
        """Tells what comes in, each second. Once told, a file is put aside."""
        while not stopped.wait(1):
            for name in sorted(os.listdir(os.path.join(self.dir, "in"))):
                path = os.path.join(self.dir, "in", name)
                if not name.endswith(".txt"):
                    continue
                with open(path, encoding="utf-8", errors="replace") as file:
                    text = file.read()
                takopi.call(
                    "transport/inbound",
                    {
                        "kind": "message",
                        "upstream_id": name,
                        "message": {"address": {"instance": instance, "chat": "folder"}, "id": name},
                        "sender": {"id": "me", "name": "Me"},
                        "text": text,
                    },
                )
                os.rename(path, path + ".told")

    def path(self, message):
        return os.path.join(self.dir, "out", os.path.basename(message["id"]))

    def send(self, takopi, send, stop):
        message = {"address": send["address"], "id": f"{time.time_ns()}.txt"}
        self.write(message, send["part"])
        return {"message": message}

    def edit(self, takopi, edit, stop):
        self.write(edit["message"], edit["part"])
        return {}

    def delete(self, takopi, delete, stop):
        if os.path.exists(self.path(delete["message"])):
            os.remove(self.path(delete["message"]))
        return {}

    def write(self, message, part):
        with open(self.path(message), "w", encoding="utf-8") as file:
            file.write(part["text"] + "\n")


folder = Folder()
METHODS = {
    "transport/start": folder.start,
    "transport/stop": folder.stop,
    "transport/send": folder.send,
    "transport/edit": folder.edit,
    "transport/delete": folder.delete,
    "transport/menu": lambda takopi, menu, stop: {},
}
