

class Refusal(Exception):
    """What a request is answered with when it brings no result."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Takopi:
    """The other end of stdin and stdout."""

    def __init__(self):
        # A stray print must not stand between the messages.
        self._wire, sys.stdout = sys.stdout.buffer, sys.stderr
        self._lock = threading.Lock()
        self._calls = 0

    def send(self, message):
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        with self._lock:
            self._wire.write(line)
            self._wire.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def call(self, method, params):
        with self._lock:
            self._calls += 1
            number = self._calls
        self.send({"id": f"call-{number}", "method": method, "params": params})

    def answer(self, request, work):
        """Sends what `work` returns or raises as the answer to a request."""
        try:
            self.send({"id": request, "result": work()})
        except Refusal as refusal:
            self.send({"id": request, "error": {"code": refusal.code, "message": str(refusal)}})
        except Exception as error:
            self.send({"id": request, "error": {"code": -32603, "message": repr(error)}})


def serve():
    takopi = Takopi()
    stops = {}
    for line in sys.stdin.buffer:
        message = json.loads(line)
        method, params, request = message.get("method"), message.get("params") or {}, message.get("id")
        if method == "exit":
            return
        if method == "$/cancel_request" and params.get("id") in stops:
            stops[params["id"]].set()
        if method is None or request is None:
            continue

        def work(method=method, params=params, request=request):
            stop = stops.setdefault(request, threading.Event())
            try:
                takopi.answer(request, lambda: answer(takopi, method, params, stop))
            finally:
                stops.pop(request, None)

        # Beside the loop, which goes on reading: what takes long can be cancelled.
        stops[request] = threading.Event()
        threading.Thread(target=work, daemon=True).start()


def answer(takopi, method, params, stop):
    if method == "initialize":
        provides = [{"kind": "@KIND@", "id": "@ID@"}]
        return {"protocol": 1, "plugin": {"name": "@DISTRIBUTION@", "version": "0.1.0"}, "provides": provides}
    if method == "config/check":
        return {"issues": []}
    if method in ("ping", "shutdown"):
        return {}
    if method in METHODS:
        return METHODS[method](takopi, params, stop)
    raise Refusal(-32601, f"unknown method {method}")


if __name__ == "__main__":
    if "TAKOPI_PLUGIN_PROTOCOL" not in os.environ:
        sys.exit("This is a plugin of takopi, which starts it: see `takopi plugins check .`")
    serve()
