// pick.cpp: `sextant pick`: the choice again from stored results, no engine, no server.
#include <cstdio>

#include "actors/artifacts/stored.hpp"
#include "actors/search/pick.hpp"
#include "messages/codec.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

int run_pick(const command_line& args) {
  if (args.positionals.empty()) {
    fprintf(stderr, "OUT_DIR: is missing, accepted is the output directory of a profile\n");
    return exit_bad_input;
  }
  std::string error;
  const auto stored = read_stored(args.positionals[0], error);
  if (!error.empty()) {
    fprintf(stderr, "%s\n", error.c_str());
    return exit_bad_input;
  }
  auto target = stored.what.request.sla;
  if (args.has("ttft"))
    target.ttft_ms = std::stod(args.value("ttft"));
  if (args.has("itl"))
    target.itl_ms = std::stod(args.value("itl"));
  const auto result = repick(stored.what.request, stored.what.result, stored.points, target);
  if (args.flag("json")) {
    printf("%s\n", encode_body(result).c_str());
  } else {
    auto request = stored.what.request;
    request.sla = target;
    printf("%s", answer_text(request, result, "").c_str());
  }
  return result.feasible ? exit_ok : exit_infeasible;
}

} // namespace sextant
