"""Starts the Python takopi of this interpreter with the Bot API at $TAKOPI_MEASURE_API.

It has no setting for that, so two attributes of its HTTP client are set anew once it is made.
"""

import os
import sys

from takopi.telegram import client_api

api = os.environ["TAKOPI_MEASURE_API"]
made = client_api.HttpBotClient.__init__


def make(self, token, *args, **options):
    made(self, token, *args, **options)
    self._base = f"{api}/bot{token}"
    self._file_base = f"{api}/file/bot{token}"


client_api.HttpBotClient.__init__ = make

from takopi.cli import main  # noqa: E402

sys.argv = ["takopi"]
sys.exit(main())
