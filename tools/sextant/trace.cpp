// trace.cpp: `sextant trace start|stop`: the profiling routes of a running engine.
#include <cstdio>

#include "adapters/http/client.hpp"
#include "config/trace_options.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

/// One line of an answer.
std::string first_words(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20)
      c = ' ';
  return text.size() > 300 ? text.substr(0, 300) + "…" : text;
}

} // namespace

int run_trace(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  const auto options = read_trace_options(words, errors);
  if (options.help) {
    printf("%s", trace_help_text().c_str());
    return exit_ok;
  }
  std::string bad;
  const auto url = errors.empty() ? parse_http_url(options.url, bad) : std::nullopt;
  if (!bad.empty())
    errors.push_back({"--url", 0, 0, "", bad, "an http:// or https:// address", ""});
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  http_outcome answer;
  for (const auto& path : trace_paths(options.start)) {
    answer = http_fetch(*url, "POST", path, options.body, options.timeout_ms * 1'000'000);
    if (answer.end != http_end::complete || answer.status != 404)
      break;
  }
  if (answer.end == http_end::complete && answer.status == 200) {
    printf("%s\n", first_words(answer.body).c_str());
    return exit_ok;
  }
  if (answer.end != http_end::complete)
    fprintf(stderr, "%s: %s\n", options.url.c_str(), answer.detail.c_str());
  else if (answer.status == 404)
    fprintf(stderr, "%s: this engine has no profiling route (HTTP 404): SGLang's workers have one, on their system port\n",
            options.url.c_str());
  else
    fprintf(stderr, "%s: HTTP %d: %s\n", options.url.c_str(), answer.status, first_words(answer.body).c_str());
  return exit_failed;
}

} // namespace sextant
