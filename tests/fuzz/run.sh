#!/bin/bash
# tests/fuzz/run.sh PROGRAM WORKDIR CORPUS - fuzz for DRTOOL_FUZZ_SECONDS (3); what is found new stays in WORKDIR, an input that breaks something too
# DRTOOL_FUZZ_SEED: 1 unless told, so that two runs go the same way; 0 is another way each time
set -euo pipefail
mkdir -p "$2/found" "$3"
exec "$1" -seed="${DRTOOL_FUZZ_SEED:-1}" -max_total_time="${DRTOOL_FUZZ_SECONDS:-3}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix="$2/" "$2/found" "$3"
