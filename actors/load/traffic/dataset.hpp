// dataset.hpp: Rows of data sets and traces, whatever their format. Pure: the text is read by the caller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/load_options.hpp"

namespace sextant::load {

/// One turn of a conversation. Texts win over lengths; a whole payload wins over both.
struct dataset_turn {
  std::string text;         ///< what the user says; empty: a prompt of `isl` tokens is made
  std::string system;       ///< text of a system message that comes with it
  std::string messages;     ///< JSON array of chat messages: sent as it stands, whatever was before
  std::string tools;        ///< JSON array
  std::string extra;        ///< JSON object, merged into the body over everything else
  std::string payload;      ///< JSON object: the whole body
  int isl = 0;              ///< tokens of the whole prompt; 0: by the text
  int osl = 0;              ///< 0: by the options
  double timestamp_ms = -1; ///< -1: none
  double delay_ms = -1;     ///< after the answer before; -1: none
  std::vector<uint64_t> hash_ids;
};

/// A conversation; single requests are conversations of one turn.
struct dataset_session {
  std::string id; ///< empty: none was given
  std::vector<dataset_turn> turns;
};

struct dataset {
  dataset_format format = dataset_format::automatic; ///< as it was found
  std::vector<dataset_session> sessions;
  int block_tokens = 0;        ///< of hash ids
  bool has_timestamps = false; ///< every session starts at a time
  uint64_t left_out = 0;       ///< rows that a limit of the options excluded
  std::vector<std::string> remarks;
};

/// Reads a file: format as asked for or as its first line shows. Every bad line is an error with its number (at most 50 are
/// listed). Multipliers and limits of the options are applied.
dataset read_dataset(std::string_view text, const std::string& source, const load_options& options,
                     std::vector<document_error>& errors);

} // namespace sextant::load
