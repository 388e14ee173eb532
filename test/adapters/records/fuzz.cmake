# Record files that people hand in.
sextant_fuzzer(adapters/records records)
