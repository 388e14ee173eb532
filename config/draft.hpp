// draft.hpp: A request while it is being checked: what was set, what is still a default, and the errors so far.
#pragma once

#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "messages/request.hpp"

namespace sextant {

/// Settings of one submission with the defaults of its API behind them.
struct draft {
  request_api api = request_api::v1alpha1;
  std::string source;
  settings given;
  reading out;

  bool has(std::string_view name) const { return given.count(std::string{name}) != 0; }
  /// As given, else the default of the table; empty if there is neither.
  std::string value(std::string_view name) const;
  double number(std::string_view name) const;
  int integer(std::string_view name) const;
  bool flag(std::string_view name) const;
  /// Adds an error at the place of an option; where it was not set, at the place in the document where it belongs.
  void refuse(std::string_view name, std::string found, std::string accepted, std::string hint = {});
};

/// Checks of several values against each other that need no model or GPU.
void check_rules(draft& d);

/// Whether the performance model answers and no engine is run.
bool estimates_only(const draft& d);

/// Whether a text is a DNS label (or, with dots, a subdomain) as Kubernetes names objects.
bool dns_name(std::string_view text, bool dots);

} // namespace sextant
