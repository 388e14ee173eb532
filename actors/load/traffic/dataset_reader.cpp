// dataset_reader.cpp: Limits and multipliers of data sets; tables.
#include "actors/load/traffic/dataset_reader.hpp"

#include <algorithm>
#include <cmath>

#include "actors/load/traffic/planner.hpp"
#include "config/load_reader.hpp"
#include "config/option_values.hpp"

namespace sextant::load {

int dataset_reader::block_tokens() const {
  if (options_.block_size > 0)
    return options_.block_size;
  return out.format == dataset_format::bailian ? 16 : 512;
}

void dataset_reader::add(dataset_session session) {
  out.sessions.push_back(std::move(session));
}

void dataset_reader::add_turn(const std::string& session, dataset_turn turn) {
  if (!session.empty()) {
    const auto [found, fresh] = by_id_.try_emplace(session, out.sessions.size());
    if (!fresh) {
      out.sessions[found->second].turns.push_back(std::move(turn));
      return;
    }
  }
  dataset_session made;
  made.id = session;
  made.turns.push_back(std::move(turn));
  add(std::move(made));
}

/// The lengths that the options ask for instead. The shared part of a prompt is what its hash ids that occur more than once
/// cover; the rest is its own.
void dataset_reader::stretch(dataset_turn& turn, uint64_t row) const {
  if (turn.osl > 0)
    turn.osl = std::max(1, static_cast<int>(std::lround(turn.osl * options_.output_len_factor)));
  if (options_.synthesis_max_osl > 0)
    turn.osl = std::min(turn.osl, options_.synthesis_max_osl);
  const bool plain = options_.prefix_len_factor == 1 && options_.prompt_len_factor == 1 && options_.prefix_roots == 1;
  if (turn.isl <= 0 || plain)
    return;
  const int block = block_tokens();
  size_t shared = 0;
  while (shared < turn.hash_ids.size() && uses_.at(turn.hash_ids[shared]) > 1)
    ++shared;
  const int shared_tokens = std::min(turn.isl, static_cast<int>(shared) * block);
  const auto prefix_blocks = static_cast<size_t>(std::lround(static_cast<double>(shared) * options_.prefix_len_factor));
  const int own = static_cast<int>(std::lround((turn.isl - shared_tokens) * options_.prompt_len_factor));
  std::vector<uint64_t> ids;
  const uint64_t tree = row % static_cast<uint64_t>(options_.prefix_roots);
  for (size_t i = 0; i < prefix_blocks; ++i) {
    // A longer prefix goes on with ids that hang on its last one, so that equal prefixes stay equal.
    const uint64_t base = i < shared ? turn.hash_ids[i] : turn.hash_ids[shared - 1] ^ (uint64_t{i - shared + 1} << 40);
    ids.push_back(base ^ (tree << 52));
  }
  const int prefix_tokens = shared == 0 ? 0 : static_cast<int>(prefix_blocks) * block;
  turn.isl = std::max(1, prefix_tokens + own);
  turn.hash_ids = std::move(ids); // the rest of the prompt is its own anyway
}

bool dataset_reader::keep(dataset_session& session) {
  for (size_t i = 0; i < session.turns.size(); ++i) {
    const auto& turn = session.turns[i];
    const bool too_long = (options_.synthesis_max_isl > 0 && turn.isl > options_.synthesis_max_isl)
                          || (options_.max_context > 0 && turn.isl + turn.osl > options_.max_context);
    if (!too_long)
      continue;
    out.left_out += session.turns.size() - i;
    session.turns.resize(i); // what comes after builds on it
  }
  return !session.turns.empty();
}

void dataset_reader::finish() {
  out.block_tokens = block_tokens();
  for (const auto& session : out.sessions)
    for (const auto& turn : session.turns)
      for (const auto id : turn.hash_ids)
        ++uses_[id];
  std::vector<dataset_session> kept;
  for (auto& session : out.sessions) {
    for (auto& turn : session.turns)
      stretch(turn, kept.size());
    if (keep(session))
      kept.push_back(std::move(session));
  }
  out.sessions = std::move(kept);
  out.has_timestamps = !out.sessions.empty() && std::all_of(out.sessions.begin(), out.sessions.end(), [](const auto& s) {
    return s.turns.front().timestamp_ms >= 0;
  });
  if (out.left_out > 0)
    out.remarks.push_back(std::to_string(out.left_out)
                          + " rows of the input file are left out: nothing to send, or beyond a limit");
}

void read_csv_dataset(std::string_view text, dataset_reader& in) {
  // Of our own description, BurstGPT's and the Azure traces.
  static constexpr std::string_view names[3] = {
      " timestamp time timestamp_ms arrived_at ",
      " input input_length input_tokens request_tokens contexttokens isl prompt_tokens ",
      " output output_length output_tokens response_tokens generatedtokens osl "};
  int columns[3] = {-1, -1, -1};
  double scale = 1;
  size_t line = 0;
  for (size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto one = text.substr(at, end - at);
    at = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r,") == std::string_view::npos)
      continue;
    std::vector<std::string> cells;
    for (size_t from = 0; from <= one.size();) {
      const auto comma = std::min(one.find(',', from), one.size());
      auto cell = split_text(one.substr(from, comma - from), '\0');
      cells.push_back(cell.empty() ? "" : cell[0]);
      from = comma + 1;
    }
    if (columns[1] < 0 && columns[2] < 0) { // the header
      for (size_t c = 0; c < cells.size(); ++c) {
        std::string name = " ";
        for (const char ch : cells[c])
          name += ch == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
        for (int k = 0; k < 3; ++k)
          if (names[k].find(name + " ") != std::string_view::npos)
            columns[k] = static_cast<int>(c);
        if (cells[c] == "Timestamp" || name == " time" || name == " arrived_at")
          scale = 1000; // BurstGPT and Azure count in seconds
      }
      if (columns[1] < 0 || columns[2] < 0)
        return in.refuse(line, "", "\"" + shown(one) + "\"", "a header with input and output columns, and timestamp (ms)");
      continue;
    }
    double values[3] = {-1, 0, 0};
    for (int k = 0; k < 3; ++k) {
      if (columns[k] < 0)
        continue;
      const auto c = static_cast<size_t>(columns[k]);
      const auto value = c < cells.size() ? parse_number(cells[c]) : std::nullopt;
      if (!value || *value < 0 || *value > 1e15)
        in.refuse(line, "column " + std::to_string(c + 1), c < cells.size() ? "\"" + shown(cells[c]) + "\"" : "nothing",
                  "a number >= 0");
      else
        values[k] = *value;
    }
    dataset_turn turn;
    turn.timestamp_ms = values[0] < 0 ? -1 : values[0] * scale;
    turn.isl = static_cast<int>(std::min(values[1], 1e9));
    turn.osl = static_cast<int>(std::min(values[2], 1e9));
    if (turn.isl == 0 || turn.osl == 0)
      ++in.out.left_out; // failed requests of the recorded service
    else
      in.add_turn("", std::move(turn));
  }
}

dataset read_dataset(std::string_view text, const std::string& source, const load_options& options,
                     std::vector<document_error>& errors) {
  dataset_reader in{options, source, errors};
  in.out.format = options.format;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    in.refuse(0, "", "an empty file", "rows");
    return std::move(in.out);
  }
  const bool table = options.format == dataset_format::csv || options.format == dataset_format::burst_gpt
                     || (options.format == dataset_format::automatic && text[first] != '{' && text[first] != '[');
  if (table) {
    if (in.out.format == dataset_format::automatic)
      in.out.format = dataset_format::csv;
    read_csv_dataset(text, in);
  } else {
    read_json_dataset(text, in);
  }
  const bool clean = errors.empty();
  in.finish();
  if (clean && in.out.sessions.empty())
    in.refuse(0, "", "no row that can be sent", "at least one row within the limits");
  return std::move(in.out);
}

} // namespace sextant::load
