// prompts.hpp: Synthetic prompts from the counter-based generator: token ids of exact length, or words. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/load/traffic/random.hpp"

namespace sextant::load {

/// Appends `count` token ids with commas between them. Ids are 1000 to 1999: text in every vocabulary that matters, and no
/// special tokens.
void append_token_ids(std::string& out, uint64_t seed, random_stream stream, uint64_t key, int count);

/// Words that common vocabularies know as one token each.
std::span<const std::string_view> common_words();

/// Words to make texts of: all of `common_words()`, or those that a calibration found to cost the same.
struct word_list {
  std::vector<std::string_view> words;
};

/// Appends `count` words, each behind a blank.
void append_words(std::string& out, const word_list& list, uint64_t seed, random_stream stream, uint64_t key, int count);

} // namespace sextant::load
