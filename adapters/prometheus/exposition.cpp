#include "adapters/prometheus/exposition.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace sextant {

namespace {

constexpr std::string_view blanks = " \t\r";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}

std::string_view take_name(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && (std::isalnum(static_cast<unsigned char>(text[n])) || text[n] == '_' || text[n] == ':'))
    ++n;
  const auto name = text.substr(0, n);
  text.remove_prefix(n);
  return name;
}

std::optional<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"'))
    return std::nullopt;
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return std::nullopt;
}

bool take_labels(std::string_view& text, metric_sample& sample) {
  if (!text.starts_with('{'))
    return true;
  text.remove_prefix(1);
  for (;;) {
    skip_blanks(text);
    if (text.starts_with('}')) {
      text.remove_prefix(1);
      return true;
    }
    const auto key = take_name(text);
    skip_blanks(text);
    if (key.empty() || !text.starts_with('='))
      return false;
    text.remove_prefix(1);
    skip_blanks(text);
    auto value = take_quoted(text);
    if (!value)
      return false;
    sample.labels.emplace_back(key, std::move(*value));
    skip_blanks(text);
    if (text.starts_with(','))
      text.remove_prefix(1);
    else if (!text.starts_with('}'))
      return false;
  }
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+'))
    text.remove_prefix(1);
  if (text == "Inf")
    return std::numeric_limits<double>::infinity();
  if (text == "-Inf")
    return -std::numeric_limits<double>::infinity();
  if (text == "NaN")
    return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

std::optional<metric_sample> read_line(std::string_view line) {
  skip_blanks(line);
  if (line.empty() || line.front() == '#')
    return std::nullopt;
  metric_sample sample;
  sample.name = take_name(line);
  skip_blanks(line);
  if (sample.name.empty() || !take_labels(line, sample))
    return std::nullopt;
  skip_blanks(line);
  const auto value = number(line.substr(0, line.find_first_of(blanks)));
  if (!value)
    return std::nullopt;
  sample.value = *value;
  return sample;
}

} // namespace

std::string_view metric_sample::label(std::string_view key) const {
  for (const auto& [own, text] : labels)
    if (own == key)
      return text;
  return {};
}

std::vector<metric_sample> read_exposition(std::string_view page) {
  std::vector<metric_sample> out;
  while (!page.empty()) {
    const auto end = page.find('\n');
    if (auto sample = read_line(page.substr(0, end)))
      out.push_back(std::move(*sample));
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
  }
  return out;
}

metric_total total_of(const std::vector<metric_sample>& samples, std::string_view name,
                      std::initializer_list<label_filter> filter) {
  metric_total out;
  for (const auto& sample : samples) {
    const auto carries = [&](const label_filter& f) { return sample.label(f.first) == f.second; };
    if (sample.name != name || !std::all_of(filter.begin(), filter.end(), carries))
      continue;
    out.sum += sample.value;
    ++out.count;
  }
  return out;
}

} // namespace sextant
