"""Answers to the names under which Dynamo's operator starts its profiler: translates the command line and runs `sextant`."""
