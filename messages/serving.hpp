// serving.hpp: What a sidecar tells of a deployment that serves: what it does, and how far it is from its curves.
#pragma once

#include <string>
#include <vector>

#include "messages/messages.hpp"
#include "messages/subjects.hpp"

namespace sextant {

/// One window of a deployment's own counters. Latencies are means over the requests (TTFT) or tokens (ITL) of the window.
struct serving_observed {
  std::string sidecar; ///< name of the sidecar
  std::string model;   ///< as the metrics name it
  std::string at;      ///< end of the window, RFC 3339, UTC
  double seconds = 0;  ///< length of the window
  double requests = 0; ///< that came to their first token
  double tokens = 0;   ///< intervals between tokens
  double request_rate = 0;
  double output_tokens_per_s = 0;
  double ttft_ms = 0;
  double itl_ms = 0;
  double isl = 0;
  double osl = 0;
  double cached_share = 0; ///< prompt tokens found in the prefix cache
  double in_flight = 0;    ///< requests, at the end of the window
  double kv_usage = -1;    ///< mean over the workers, 0..1; negative where it is not known
  int workers = 0;
  double expected_ttft_ms = 0; ///< by the curves for this traffic; 0 where they cannot say
  double expected_itl_ms = 0;
  std::vector<std::string> remarks; ///< why something is not known
};

template <class Visitor>
void describe(Visitor& v, serving_observed& x) {
  v.required("sidecar", x.sidecar, "name of the sidecar");
  v.field("model", x.model, "model as the metrics name it");
  v.required("at", x.at, "end of the window, RFC 3339");
  v.required("seconds", x.seconds, "length of the window, s");
  v.required("requests", x.requests, "requests that came to their first token");
  v.field("tokens", x.tokens, "intervals between tokens");
  v.field("request_rate", x.request_rate, "requests per second");
  v.field("output_tokens_per_s", x.output_tokens_per_s, "output tokens per second");
  v.field("ttft_ms", x.ttft_ms, "mean time to first token, ms");
  v.field("itl_ms", x.itl_ms, "mean inter-token latency, ms");
  v.field("isl", x.isl, "mean input tokens of a request");
  v.field("osl", x.osl, "mean output tokens of a request");
  v.field("cached_share", x.cached_share, "share of the prompt tokens that the prefix cache held");
  v.field("in_flight", x.in_flight, "requests in flight at the end of the window");
  v.field("kv_usage", x.kv_usage, "share of the KV cache in use, 0..1; negative: not known");
  v.field("workers", x.workers, "workers that answered");
  v.field("expected_ttft_ms", x.expected_ttft_ms, "time to first token by the curves, ms; 0: they cannot say");
  v.field("expected_itl_ms", x.expected_itl_ms, "inter-token latency by the curves, ms; 0: they cannot say");
  v.field("remarks", x.remarks, "why something is not known");
}

/// How far a deployment is from one of its curves. Told when the verdict changes, and with every answer to a question.
struct curves_drifted {
  std::string sidecar;
  phase curve = phase::prefill;
  double ratio = 1;     ///< observed latency over the curve's, geometric mean since `since`
  double low = 0;       ///< 95 % interval of it
  double high = 0;      ///< 0: too few windows
  std::string since;    ///< first window of the present level, RFC 3339
  int windows = 0;      ///< of the present level
  bool drifted = false; ///< the interval lies outside of the tolerance
  std::string text;     ///< one line for people
};

template <class Visitor>
void describe(Visitor& v, curves_drifted& x) {
  v.required("sidecar", x.sidecar, "name of the sidecar");
  v.required("curve", x.curve, "which curve");
  v.required("ratio", x.ratio, "observed latency over the curve's");
  v.field("low", x.low, "lower end of its 95 % interval");
  v.field("high", x.high, "upper end of its 95 % interval; 0: too few windows");
  v.field("since", x.since, "first window of the present level, RFC 3339");
  v.field("windows", x.windows, "windows of the present level");
  v.required("drifted", x.drifted, "whether the interval lies outside of the tolerance");
  v.field("text", x.text, "one line for people");
}

/// Asks a sidecar to write curves that are corrected by what it observed.
struct correct_curves {
  std::string directory; ///< empty: where its command line says
};

template <class Visitor>
void describe(Visitor& v, correct_curves& x) {
  v.field("directory", x.directory, "where to, on the sidecar's machine; empty: where its command line says");
}

/// What a sidecar wrote.
struct curves_corrected {
  std::string sidecar;
  std::string directory;
  std::vector<std::string> files; ///< relative to the directory
  double ttft_ratio = 1;          ///< by which the prefill curve was multiplied
  double itl_ratio = 1;
  std::string error; ///< why nothing was written
};

template <class Visitor>
void describe(Visitor& v, curves_corrected& x) {
  v.required("sidecar", x.sidecar, "name of the sidecar");
  v.field("directory", x.directory, "where the files are");
  v.field("files", x.files, "files, relative to the directory");
  v.field("ttft_ratio", x.ttft_ratio, "by which TTFT was multiplied");
  v.field("itl_ratio", x.itl_ratio, "by which ITL was multiplied");
  v.field("error", x.error, "why nothing was written");
}

/// Calls X(type) for every message of a sidecar; the kind on the wire is the type's name, as for all others.
#define SEXTANT_FOR_EACH_SERVING_MESSAGE(X)                                                                                 \
  X(serving_observed)                                                                                                       \
  X(curves_drifted)                                                                                                         \
  X(correct_curves)                                                                                                         \
  X(curves_corrected)

#define SEXTANT_MESSAGE_KIND(type)                                                                                          \
  template <>                                                                                                               \
  struct message_kind<type> {                                                                                               \
    static constexpr std::string_view value = #type;                                                                        \
  };
SEXTANT_FOR_EACH_SERVING_MESSAGE(SEXTANT_MESSAGE_KIND)
#undef SEXTANT_MESSAGE_KIND

/// Subject of a sidecar below the prefix of an installation; `what`: `observed`, `drift`, `correct`, `measure`.
inline std::string serving_subject(const subjects& names, std::string_view sidecar, std::string_view what) {
  return names.prefix() + ".serving." + subjects::token(sidecar) + "." + std::string{what};
}

} // namespace sextant
