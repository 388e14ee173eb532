// prompts.cpp: The list of words, and prompts from it.
#include "actors/load/traffic/prompts.hpp"

#include <algorithm>

namespace sextant::load {

namespace {

// Frequent English words: with a blank in front each is one token of every large byte-pair vocabulary.
// clang-format off
constexpr std::string_view words_of_all[] = {
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he",
    "his", "but", "at", "are", "this", "have", "from", "or", "had", "an", "they", "which", "one", "you", "were",
    "all", "her", "she", "there", "would", "their", "we", "him", "been", "has", "when", "who", "will", "no", "more",
    "if", "out", "so", "up", "said", "what", "its", "about", "than", "into", "them", "can", "only", "other", "time",
    "new", "some", "could", "these", "two", "may", "first", "then", "do", "any", "like", "my", "now", "over", "such",
    "our", "man", "me", "even", "most", "made", "after", "also", "did", "many", "off", "before", "must", "well",
    "back", "through", "years", "where", "much", "your", "way", "down", "should", "because", "long", "each", "just",
    "state", "those", "people", "too", "how", "little", "good", "make", "world", "still", "see", "own", "men",
    "work", "life", "under", "day", "between", "both", "being", "here", "never", "another", "same", "us", "last",
    "might", "great", "house", "since", "old", "against", "go", "came", "right", "used", "take", "three", "states",
    "while", "use", "around", "without", "place", "during", "american", "home", "small", "however", "found", "part",
    "high", "general", "few", "number", "water", "next", "went", "less", "point", "until", "always", "began",
    "across", "night", "side", "course", "form", "given", "large", "case", "second", "group", "set", "order",
    "early", "fact", "several", "present", "thing", "public", "important", "end", "power", "look", "want", "need",
    "give", "light", "problem", "big", "white", "line", "head", "far", "young", "hand", "keep", "play", "room",
    "eyes", "ask", "late", "national", "free", "business", "become", "face", "city", "book", "love", "area", "best",
    "within", "service", "children", "leave", "field", "study", "mind", "money", "kind", "open", "turn", "real",
    "voice", "change", "family",
};
// clang-format on

} // namespace

void append_token_ids(std::string& out, uint64_t seed, random_stream stream, uint64_t key, int count) {
  random_source random{seed, stream, key};
  const size_t at = out.size();
  out.resize(at + static_cast<size_t>(std::max(0, count)) * 5);
  char* to = out.data() + at;
  for (int i = 0; i < count; i += 2) {
    const uint32_t bits = random.word(); // two ids a word: 16 bits scaled to 0..999, uniform to 1 in 65
    for (int half = 0; half < 2 && i + half < count; ++half) {
      const uint32_t id = (((bits >> (16 * half)) & 0xFFFF) * 1000) >> 16;
      *to++ = '1';
      *to++ = static_cast<char>('0' + id / 100);
      *to++ = static_cast<char>('0' + id / 10 % 10);
      *to++ = static_cast<char>('0' + id % 10);
      *to++ = ',';
    }
  }
  if (count > 0)
    out.pop_back();
}

std::span<const std::string_view> common_words() {
  return words_of_all;
}

void append_words(std::string& out, const word_list& list, uint64_t seed, random_stream stream, uint64_t key, int count) {
  random_source random{seed, stream, key};
  const auto size = static_cast<uint32_t>(list.words.size());
  for (int i = 0; i < count; i += 2) {
    const uint32_t bits = random.word();
    for (int half = 0; half < 2 && i + half < count; ++half) {
      out += ' ';
      out += list.words[(((bits >> (16 * half)) & 0xFFFF) * size) >> 16];
    }
  }
}

} // namespace sextant::load
