#!/bin/bash
# tests/unit/server.sh start|stop DIR PORT - the server the unit tests talk to; it ends with the ctest that started it, however that went
set -euo pipefail
cluster=$(dirname "$0")/../../scripts/pg-cluster
"$cluster" stop "$2"
[ "$1" = stop ] || "$cluster" start "$2" --port "$3" --no-tcp --owner "$PPID" >/dev/null
