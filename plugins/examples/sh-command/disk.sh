#!/bin/sh
# /disk [PATH]: how much room there is.

. ./takopi-plugin.sh

command_disk() {
    path=${P_args_0:-/}
    if [ ! -e "$path" ]; then
        printf 'There is no `%s`.' "$path"
        return
    fi
    printf '```\n'
    df -Pk -- "$path" | awk 'NR > 1 { printf "%d of %d MiB are free on %s\n", $4 / 1024, $2 / 1024, $6 }'
    printf '```\n'
}

takopi_serve takopi-example-disk 0.1.0
