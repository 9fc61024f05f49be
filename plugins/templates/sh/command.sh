#!/bin/sh
# The command /@ID@ of takopi.

. ./takopi-plugin.sh

# Answers a call: what it prints is shown, as Markdown. $P_args_text is what stands behind /@ID@.
command_@ID@() {
    printf '%s' "@ID@ says: $P_args_text"
}

takopi_serve @DISTRIBUTION@ 0.1.0
