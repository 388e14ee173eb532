// verdicts.cpp: Lines that Python, vLLM, SGLang, TensorRT-LLM and the hub print before they give up.
#include "adapters/local/verdicts.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

namespace sextant::local {

namespace {

struct sign {
  std::string_view text; ///< in lower case
  failure_class kind;
  failure_cause cause;
  std::string_view meaning;
};

constexpr std::array signs{
    sign{"out of memory", failure_class::permanent, failure_cause::out_of_memory, "it ran out of memory"},
    sign{"outofmemoryerror", failure_class::permanent, failure_cause::out_of_memory, "it ran out of memory"},
    sign{"no available memory for the cache blocks", failure_class::permanent, failure_cause::out_of_memory,
         "the weights leave no memory for the KV cache"},
    sign{"not enough memory", failure_class::permanent, failure_cause::out_of_memory, "it needs more memory than there is"},
    sign{"to serve at least one request", failure_class::permanent, failure_cause::out_of_memory,
         "the KV cache holds less than one request"},
    sign{"no module named", failure_class::permanent, failure_cause::unsupported,
         "a package is missing in its Python environment (--python chooses another one)"},
    sign{"unrecognized arguments", failure_class::permanent, failure_cause::unsupported, "it does not know an argument"},
    sign{"error: argument", failure_class::permanent, failure_cause::unsupported, "it refuses an argument"},
    sign{"invalid choice", failure_class::permanent, failure_cause::unsupported, "it refuses an argument"},
    sign{"must be divisible", failure_class::permanent, failure_cause::unsupported, "the model cannot be split so"},
    sign{"is not divisible", failure_class::permanent, failure_cause::unsupported, "the model cannot be split so"},
    sign{"should be divisible", failure_class::permanent, failure_cause::unsupported, "the model cannot be split so"},
    sign{"is not a local folder and is not a valid model identifier", failure_class::permanent, failure_cause::unsupported,
         "the model cannot be found"},
    sign{"repository not found", failure_class::permanent, failure_cause::unsupported, "the model cannot be found"},
    sign{"hfvalidationerror", failure_class::permanent, failure_cause::unsupported, "the model cannot be found"},
    sign{"gated repo", failure_class::permanent, failure_cause::unsupported,
         "the model is gated: a token of the hub is needed (HF_TOKEN)"},
    sign{"address already in use", failure_class::transient, failure_cause::engine_gone, "another process took its port"},
};

std::string lower(const std::string& text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

} // namespace

std::vector<std::string> last_lines(const std::string& text, size_t count) {
  std::vector<std::string> lines;
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\x1b') { // ESC [ ... letter
      while (i + 1 < text.size() && !std::isalpha(static_cast<unsigned char>(text[i])))
        ++i;
    } else if (c == '\n') {
      lines.push_back(std::move(line));
      line.clear();
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') {
      line += c;
    }
  }
  if (!line.empty())
    lines.push_back(std::move(line));
  std::erase_if(lines, [](const std::string& l) { return l.find_first_not_of(" \t") == std::string::npos; });
  if (lines.size() > count)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return lines;
}

failure judge_end(const std::string& service, const process_end& end, bool was_ready, const std::vector<std::string>& tail) {
  failure result{failure_class::transient, failure_cause::engine_gone, {}, tail};
  result.detail = service + " ended " + (was_ready ? "without having been asked to" : "while starting") + ": " + end.text();
  // The last sign counts: earlier ones may have been overcome.
  for (auto line = tail.rbegin(); line != tail.rend(); ++line) {
    const auto text = lower(*line);
    const auto found =
        std::find_if(signs.begin(), signs.end(), [&](const sign& s) { return text.find(s.text) != std::string::npos; });
    if (found == signs.end())
      continue;
    result.kind = found->kind;
    result.cause = found->cause;
    result.detail += "; " + std::string{found->meaning} + ": " + *line;
    return result;
  }
  if (end.signal == SIGKILL)
    result.detail += "; somebody killed it, or the kernel did for lack of memory";
  else if (!tail.empty())
    result.detail += ": " + tail.back();
  return result;
}

} // namespace sextant::local
