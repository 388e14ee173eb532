# Fuzz target of the message codec: fuzz_codec.
sextant_fuzzer(messages codec)
