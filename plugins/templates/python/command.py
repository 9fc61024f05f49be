"""The command /@ID@ of takopi. What is printed goes to takopi's log."""

from takopi_plugin import Plugin

plugin = Plugin("@DISTRIBUTION@", "0.1.0")


@plugin.command("@ID@")
def call(request):
    """Answers a call with Markdown; request["args_text"] is what stands behind /@ID@."""
    return f"@ID@ says: {request['args_text']}"


plugin.serve()
