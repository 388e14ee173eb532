// subjects.hpp: Names on the bus: subjects, streams, consumers and buckets, all below one configurable prefix.
#pragma once

#include <string>
#include <string_view>

namespace sextant {

/// Builds every subject and stream name of one installation. Two installations with different prefixes share one server.
class subjects {
public:
  explicit subjects(std::string prefix = "sextant.v1") : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }

  // -- requests -----------------------------------------------------------------------------------
  std::string request_submit() const { return prefix_ + ".request.submit"; } ///< request/reply
  std::string request_new() const { return prefix_ + ".request.new"; }       ///< durable, raw submissions
  std::string request_accepted(std::string_view id) const { return prefix_ + ".request.accepted." + token(id); } ///< durable
  std::string all_accepted() const { return prefix_ + ".request.accepted.*"; }
  std::string request_command(std::string_view id, std::string_view what) const { ///< `cancel`, `get`
    return prefix_ + ".request." + (id == "*" ? std::string{id} : token(id)) + "." + std::string{what};
  }
  std::string request_commands() const { return prefix_ + ".request.*.*"; }
  std::string request_list() const { return prefix_ + ".request.list"; } ///< request/reply

  // -- results, work, records, events -------------------------------------------------------------
  std::string result(std::string_view id) const { return prefix_ + ".result." + token(id); }
  std::string all_results() const { return prefix_ + ".result.*"; }
  std::string deploy_work(std::string_view pool, int gpus) const {
    return prefix_ + ".work.deploy." + token(pool) + "." + std::to_string(gpus);
  }
  std::string all_deploy_work(std::string_view pool) const { return prefix_ + ".work.deploy." + token(pool) + ".*"; }
  std::string measure_work(std::string_view zone) const { return prefix_ + ".work.measure." + token(zone); }
  std::string write_work() const { return prefix_ + ".work.write"; }
  std::string records(std::string_view zone, std::string_view request, std::string_view attempt_key) const {
    return prefix_ + ".records." + token(zone) + "." + token(request) + "." + token(attempt_key);
  }
  std::string records_of(std::string_view zone) const { return prefix_ + ".records." + token(zone) + ".>"; }
  std::string all_records() const { return prefix_ + ".records.>"; }
  std::string event(std::string_view id) const { return prefix_ + ".event." + token(id); }
  std::string node_command(std::string_view node, std::string_view what) const { ///< `drain`, `resume`
    return prefix_ + ".node." + token(node) + "." + std::string{what};
  }
  std::string release(std::string_view request) const { return prefix_ + ".engine." + token(request) + ".release"; }
  std::string all_releases() const { return prefix_ + ".engine.*.release"; }

  // -- streams and buckets (no dots allowed) --------------------------------------------------------
  std::string request_stream() const { return stream("requests"); }
  std::string result_stream() const { return stream("results"); }
  std::string deploy_stream() const { return stream("deploy"); }
  std::string measure_stream() const { return stream("measure"); }
  std::string write_stream() const { return stream("write"); }
  std::string record_stream() const { return stream("records"); }
  std::string event_stream() const { return stream("events"); }
  std::string lease_bucket() const { return stream("leases"); }
  std::string node_bucket() const { return stream("nodes"); }

  /// One subject token out of any text: other characters than letters, digits, `-` and `_` become `_`,
  /// and a short hash of the original keeps different texts apart when something was replaced.
  static std::string token(std::string_view text);

private:
  std::string stream(std::string_view what) const {
    auto name = prefix_ + "_" + std::string{what};
    for (auto& c : name)
      if (c == '.')
        c = '_';
    return name;
  }

  std::string prefix_;
};

/// Whether a request id can be used as it is: 1 to 128 letters, digits, `-`, `_`; not starting with `-`.
bool valid_request_id(std::string_view id);

/// 64-bit FNV-1a over a text, as 16 hex digits; the base of deterministic message ids.
std::string stable_hash(std::string_view text);

} // namespace sextant
