# What endpoints answer, and files that people give: events, data sets, traces, plans.
sextant_fuzzer(actors/load stream_event)
sextant_fuzzer(actors/load/traffic dataset)
