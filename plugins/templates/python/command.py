def call(takopi, call, stop):
    """Answers /@ID@. `stop` is set when nobody waits for the answer any more."""
    text = f"@ID@ says: {call['args_text']}"
    return {"reply": {"body": {"text": text}}}


METHODS = {"command/call": call}
