#!/bin/bash
# Writes a sample of a load test's files and has the aiperf package's own models read them. Exit code 77: no network, skipped.
# usage: aiperf_models_check.sh TEST_PROGRAM FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! tools/python_env aiperf; then
  echo "aiperf_models_check: skipped, the aiperf package (test/python/aiperf.txt) could not be installed; it needs the network once"
  exit 77
fi
SEXTANT_AIPERF_FOLDER=$2 "$1" "[.files]"
build/python/aiperf/bin/python test/interop/aiperf_models_check.py "$2"
