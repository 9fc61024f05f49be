#!/usr/bin/env python3
"""The @KIND@ @ID@ of takopi.

takopi writes one JSON message a line to stdin and reads one a line from stdout. `print` goes to stderr, where takopi
keeps the last lines for error texts. @YOURS@ is yours to change; below it is what every @KIND@ needs.
"""

import json
import os
import sys
import threading
import time

