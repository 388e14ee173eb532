# The front end for documents and options, against arbitrary bytes.
sextant_fuzzer(config document)
