"""Speak with takopi: copy this file beside your plugin. Python 3.9 or later, nothing else.

    from takopi_plugin import Plugin

    plugin = Plugin("takopi-hello", "0.1.0")

    @plugin.command("hello")
    def hello(request):
        return "Hello, " + request["args_text"]

    plugin.serve()

`request["..."]` is a parameter of the method, as docs/plugins/protocol.md shows it. Each request has a thread of its own.
What you print goes to stderr, which takopi logs. An exception is what the person is told, and its traceback is logged; raise
`Error` for a code, and where there is nothing to mend.
"""

import json
import os
import sys
import threading
import traceback


class Error(Exception):
    """An error with a code of the protocol, such as Error(-32010, "not now", {"retry_after_ms": 2000})."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


def _told(error):
    """What a person is told of an exception. Where it was raised is for the log."""
    if not isinstance(error, Error):
        traceback.print_exception(type(error), error, error.__traceback__)
    # The text of a KeyError is the key alone.
    return repr(error) if isinstance(error, KeyError) or not str(error) else str(error)


class Request:
    """One request of takopi's."""

    def __init__(self, plugin, params):
        self.plugin, self.params, self.cancelled = plugin, params, threading.Event()
        self._seq, self._lock = 0, threading.Lock()

    def __getitem__(self, name):
        return self.params[name]

    def get(self, name, default=None):
        return self.params.get(name, default)

    def host(self, method, **params):
        """Calls a method of takopi's for a command: request.host("send", body={"text": "hi"})."""
        return self.plugin.call("host/" + method, context=self.params["context"], **params)

    def event(self, type, **params):
        """Tells an event of an engine's run: request.event("text", delta="hi")."""
        with self._lock:  # so that the numbers rise on the wire too
            self._seq += 1
            event = {"type": type, **params}
            self.plugin.notify("engine/event", run=self.params["run"], seq=self._seq, event=event)


class Plugin:
    """What a program registers under its name: the manifest's distribution.name."""

    def __init__(self, name, version):
        self.name, self.version = name, version
        self.settings, self.data_dir = {}, None  # known once takopi has said hello
        self._parts, self._calls, self._requests = {}, {}, {}
        self._ids, self._over, self._lock = 0, False, threading.Lock()
        self._methods = {
            "initialize": self._initialize,
            "ping": lambda request: {},
            "config/check": lambda request: {"issues": []},
            "shutdown": lambda request: {},
            "engine/run": self._run,
            "command/call": self._call,
        }

    def engine(self, id):
        """Registers a function that does a run. It returns the answer, or all of the result of engine/run."""
        return self._part("engine", id)

    def command(self, id):
        """Registers a function that answers a call. It returns Markdown, a body, or None."""
        return self._part("command", id)

    def transport(self, id):
        """Registers a transport; its methods follow by `on`."""
        self._parts["transport", id] = None

    def on(self, method):
        """Registers a function for a method, such as transport/send; it returns the result. That for shutdown, the time to
        clean up, is called when takopi goes away without a word too."""

        def register(function):
            self._methods[method] = function
            return function

        return register

    def call(self, method, **params):
        """Calls a method of takopi's, waits, and returns the result; raises Error."""
        waiting = {"done": threading.Event()}
        with self._lock:
            self._ids += 1
            id = self._ids
            self._calls[id] = waiting
        self._send({"id": id, "method": method, "params": params})
        waiting["done"].wait()
        if "error" in waiting:
            raise Error(waiting["error"].get("code", -32603), waiting["error"].get("message", ""))
        return waiting.get("result")

    def notify(self, method, **params):
        """Tells takopi something that nobody answers."""
        self._send({"method": method, "params": params})

    def serve(self):
        """Speaks with takopi until it is over."""
        if "TAKOPI_PLUGIN_PROTOCOL" not in os.environ:
            print(f"{self.name} is a plugin of takopi, which starts it: put its folder into ~/.takopi/plugins, "
                  "then type `takopi plugins --load`", file=sys.stderr)
            sys.exit(2)
        # The connection moves away from where prints go and from what children inherit.
        wire = os.fdopen(os.dup(0), "rb")
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        for line in wire:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            method, id = message.get("method"), message.get("id")
            if method == "exit":
                break
            if method == "$/cancel_request":
                request = self._requests.get(message["params"]["id"])
                if request:
                    request.cancelled.set()
            elif method and id is not None:
                request = self._requests[id] = Request(self, message.get("params") or {})
                threading.Thread(target=self._answer, args=(id, method, request), daemon=True).start()
            elif id in self._calls:
                waiting = self._calls.pop(id)
                waiting.update(message)
                waiting["done"].set()
        if not self._over:
            self._methods["shutdown"](Request(self, {}))
        sys.stderr.flush()
        os._exit(0)  # whatever threads still wait for

    def _part(self, kind, id):
        def register(function):
            self._parts[kind, id] = function
            return function

        return register

    def _registered(self, kind, id):
        if (kind, id) not in self._parts:
            raise Error(-32601, f"this plugin has no {kind} {id}")
        return self._parts[kind, id]

    def _send(self, message):
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        if len(line) > 1 << 20:
            raise Error(-32013, f"a message of {len(line)} bytes; a MiB fits on a line")
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def _answer(self, id, method, request):
        self._over = self._over or method == "shutdown"
        try:
            function = self._methods.get(method)
            if function is None:
                raise Error(-32601, f"this plugin does not know {method}")
            self._send({"id": id, "result": function(request) or {}})
        except Exception as error:
            code = error.error if isinstance(error, Error) else {"code": -32603}
            self._send({"id": id, "error": {**code, "message": _told(error)}})
        finally:
            self._requests.pop(id, None)

    def _initialize(self, request):
        self.settings, self.data_dir = request.get("config") or {}, request.get("data_dir")
        for kind, id in self._parts.keys() - {(one["kind"], one["id"]) for one in request["provides"]}:
            print(f"takopi does not ask for the {kind} {id}: is it in takopi-plugin.toml?", file=sys.stderr)
        provides = [one for one in request["provides"] if (one["kind"], one["id"]) in self._parts]
        return {"protocol": 1, "plugin": {"name": self.name, "version": self.version}, "provides": provides}

    def _run(self, request):
        try:
            answer = self._registered("engine", request["id"])(request)
        except Exception as error:
            if request.cancelled.is_set():
                return {"outcome": "cancelled", "answer": ""}
            return {"outcome": "failed", "answer": "", "error": _told(error)}
        if isinstance(answer, dict):
            return answer
        return {"outcome": "cancelled" if request.cancelled.is_set() else "answered", "answer": answer or ""}

    def _call(self, request):
        body = self._registered("command", request["id"])(request)
        if isinstance(body, str):
            body = {"text": body, "format": "markdown"}
        return {"reply": {"body": body, "notify": False}} if body else {}
