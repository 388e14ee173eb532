// settings.cpp: Flags of the null server: one table for reading and for the help text.
#include "tools/null_server/settings.hpp"

#include <cmath>
#include <functional>

#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant::null_server {

namespace {

/// Takes a value in, or says what would be accepted.
using reader = std::function<std::string(std::string_view text, server_settings& out)>;

struct flag {
  std::string name;
  std::string value; ///< name of the value as help shows it, e.g. `MS`
  std::string help;
  reader read;
};

template <class Number>
reader number(Number server_settings::*member, double least, double most, bool whole = false) {
  return [=](std::string_view text, server_settings& out) -> std::string {
    const auto value = parse_number(text);
    if (!value || *value < least || *value > most || (whole && *value != std::floor(*value)))
      return std::string{whole ? "a whole number from " : "a number from "} + number_text(least) + " to "
             + number_text(most);
    out.*member = static_cast<Number>(*value);
    return {};
  };
}

reader text(std::string server_settings::*member) {
  return [=](std::string_view given, server_settings& out) -> std::string {
    if (given.empty())
      return "a text";
    out.*member = given;
    return {};
  };
}

template <class Enum>
std::string names_of() {
  std::string out;
  for (const auto& [value, name] : enum_names<Enum>::values)
    out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

std::string read_pattern(std::string_view given, server_settings& out) {
  const auto pattern = from_text<event_pattern>(given);
  if (!pattern)
    return "one of " + names_of<event_pattern>();
  out.pattern = *pattern;
  return {};
}

std::string read_fault(std::string_view given, server_settings& out) {
  const auto mark = given.find('=');
  const auto kind = from_text<fault_kind>(given.substr(0, mark));
  const auto share = mark == std::string_view::npos ? 1.0 : parse_number(given.substr(mark + 1)).value_or(-1);
  if (!kind || *kind == fault_kind::none || !(share > 0 && share <= 1))
    return "NAME or NAME=SHARE with a share above 0 and up to 1; names are " + names_of<fault_kind>().substr(6);
  if (*kind == fault_kind::refuse && share != 1)
    return "refuse without a share: either connections are refused or not";
  out.faults.push_back({*kind, share});
  return {};
}

const std::vector<flag>& flags() {
  constexpr double hour_ms = 3'600'000;
  using s = server_settings;
  static const std::vector<flag> all{
      {"--host", "ADDRESS", "IPv4 address to listen at (127.0.0.1)", text(&s::host)},
      {"--port", "N", "port; 0 takes any free one and the first line of output tells it (0)",
       number(&s::port, 0, 65535, true)},
      {"--threads", "N", "loops; they share the port (1)", number(&s::threads, 1, 64, true)},
      {"--model", "NAME", "name in /v1/models; requests may name any (null)", text(&s::model)},
      {"--ttft-ms", "MS", "request to first event (100); with bursts to the first tick after it",
       number(&s::ttft_ms, 0, hour_ms)},
      {"--ttft-cv", "X", "coefficient of variation of a lognormal TTFT (0: fixed)", number(&s::ttft_cv, 0, 10)},
      {"--itl-ms", "MS", "between the events of an answer (20)", number(&s::itl_ms, 0.001, hour_ms)},
      {"--itl-cv", "X", "coefficient of variation of a lognormal ITL (0: fixed); with bursts of the steps",
       number(&s::itl_cv, 0, 10)},
      {"--tokens-per-event", "N", "output tokens in each event (1)", number(&s::tokens_per_event, 1, 1000, true)},
      {"--pattern", "NAME",
       "burst: all streams at each tick; staggered: each at its own times; unpaced: as fast as sockets take it (burst)",
       read_pattern},
      {"--seed", "N", "of everything that is drawn (0)", number(&s::seed, 0, 9e15, true)},
      {"--fault", "NAME[=SHARE]", "faulty answers, this share of the requests (1); may be repeated", read_fault},
      {"--slow-piece-ms", "MS", "between the pieces of a slow answer, seven bytes each (1)",
       number(&s::slow_piece_ms, 0.01, hour_ms)},
      {"--retry-after", "S", "value of Retry-After in 429 answers (1)", number(&s::retry_after_s, 0, 3600, true)},
      {"--log", "FILE", "at the end: one JSON line per answer with the times of sending", text(&s::log)},
  };
  return all;
}

} // namespace

server_settings read_settings(const std::vector<std::string>& words, std::vector<std::string>& errors) {
  server_settings out;
  for (size_t i = 0; i < words.size(); ++i) {
    auto name = words[i];
    if (name == "--help" || name == "-h") {
      out.help = true;
      continue;
    }
    const auto mark = name.starts_with("--") ? name.find('=') : std::string::npos;
    const bool joined = mark != std::string::npos;
    const auto joined_value = joined ? name.substr(mark + 1) : std::string{};
    name = name.substr(0, mark);
    const flag* known = nullptr;
    std::vector<std::string> names;
    for (const auto& f : flags()) {
      names.push_back(f.name);
      known = f.name == name ? &f : known;
    }
    if (!known) {
      const auto near = nearest_name(name, names);
      errors.push_back(shown(name) + ": no such flag" + (near.empty() ? "" : "; meant is perhaps " + near));
      if (!joined && i + 1 < words.size() && !words[i + 1].starts_with("--"))
        ++i; // its value
      continue;
    }
    if (!joined && i + 1 == words.size()) {
      errors.push_back(name + ": a value is missing");
      continue;
    }
    const auto value = joined ? joined_value : words[++i];
    if (const auto accepted = known->read(value, out); !accepted.empty())
      errors.push_back(name + ": found " + shown(value) + "; accepted is " + accepted);
  }
  double share = 0;
  for (const auto& f : out.faults)
    share += f.share;
  if (share > 1 + 1e-9)
    errors.push_back("--fault: the shares add up to " + number_text(share) + "; accepted is at most 1");
  return out;
}

std::string usage_text() {
  std::string out = "usage: null_server [flags]\n\nAn OpenAI endpoint without a model, for measuring clients: it sends "
                    "events at times that it knows exactly.\n\n";
  for (const auto& f : flags()) {
    auto left = "  " + f.name + " " + f.value;
    left.resize(std::max<size_t>(left.size() + 2, 30), ' ');
    out += left + f.help + "\n";
  }
  return out + "\nKinds of faults: " + names_of<fault_kind>().substr(6) + "\n";
}

} // namespace sextant::null_server
