# What servers and clients send: event streams, answers, requests.
sextant_fuzzer(adapters/http sse)
sextant_fuzzer(adapters/http answer)
sextant_fuzzer(adapters/http request)
