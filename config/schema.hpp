// schema.hpp: The shape of a document, made from the option table: which keys may stand where.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Where the profiler's own configuration stands in a v1alpha1 document.
constexpr std::string_view config_path = "spec.profilingConfig.config";

/// A key of the document and what may stand below it.
struct schema_node {
  enum class kinds : uint8_t {
    section, ///< an object with the keys of `children`
    value,   ///< the value of `row`
    free,    ///< anything: belongs to Kubernetes
    planner, ///< an object of planner arguments
  };
  kinds kind = kinds::section;
  const option_row* row = nullptr;
  bool weak = false; ///< other places override this one
  bool shown = true; ///< false for the second spelling of a key, which lists leave out
  std::map<std::string, schema_node> children;

  /// Node at a dotted path, null if there is none.
  const schema_node* at(std::string_view path) const;
};

/// The schema of a whole document, built once.
const schema_node& document_schema(request_api api);

/// The first spelling of every key below a section.
std::vector<std::string> section_keys(const schema_node& section);

/// Dotted paths, in this API, whose last key is `key` in any spelling.
std::vector<std::string> places_of_key(request_api api, std::string_view key);

/// `minNumGpusPerEngine` with a separator before every capital, in lower case.
std::string separated(std::string_view camel_case, char separator);

} // namespace sextant
