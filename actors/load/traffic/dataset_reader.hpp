// dataset_reader.hpp: What the readers of the formats share: where rows go, limits and multipliers, errors with their line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/load/traffic/dataset.hpp"

namespace sextant::load {

/// Collects sessions of one file.
class dataset_reader {
public:
  dataset_reader(const load_options& options, const std::string& source, std::vector<document_error>& errors)
      : options_{options}, source_{source}, errors_{errors} {}

  /// Tokens behind one hash id.
  int block_tokens() const;
  /// Adds a session, unless a limit excludes it.
  void add(dataset_session session);
  /// Adds a turn to the session of that id; to one of its own for an empty id.
  void add_turn(const std::string& session, dataset_turn turn);
  /// Applies multipliers, sorts out what came in pieces.
  void finish();
  void refuse(size_t line, std::string path, std::string found, std::string accepted, std::string hint = {});

  dataset out;

private:
  bool keep(dataset_session& session);
  void stretch(dataset_turn& turn, uint64_t row) const;

  const load_options& options_;
  const std::string& source_;
  std::vector<document_error>& errors_;
  std::map<std::string, size_t> by_id_;
  std::map<uint64_t, uint32_t> uses_; ///< of hash ids
};

void read_json_dataset(std::string_view text, dataset_reader& in);
/// Comma-separated values with a header line: timestamp, input and output lengths under any of their usual names.
void read_csv_dataset(std::string_view text, dataset_reader& in);

} // namespace sextant::load
