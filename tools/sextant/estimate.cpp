// estimate.cpp: `sextant estimate`: the performance model instead of engines, for a request, for flags, for one point.
#include "tools/sextant/estimate.hpp"

#include <cstdio>
#include <filesystem>

#include "actors/artifacts/writer.hpp"
#include "config/intake.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

constexpr const char* flags_source = "command line";

/// What stands for the document where only flags are given: the defaults of the newer interface.
constexpr const char* document_of_flags = "apiVersion: nvidia.com/v1beta1\n"
                                          "kind: DynamoGraphDeploymentRequest\n"
                                          "metadata: {name: estimate}\n"
                                          "spec: {searchStrategy: rapid}\n";

/// Errors of the document that nobody wrote are errors of flags.
void name_flags_of_document(std::vector<document_error>& errors) {
  for (auto& error : errors)
    if (error.source == flags_source) {
      error.line = error.column = 0;
      if (const auto dot = error.path.rfind('.'); dot != std::string::npos) {
        error.source = "--" + error.path.substr(dot + 1);
        error.path.clear();
      }
    }
}

/// Facts for the checks that need a model where the request itself is refused.
model_facts model_named(const command_line& args) {
  const auto* known = find_model(args.value("model"));
  return known ? *known : model_facts{};
}

document_error error_of(const performance::opened_tables& tables) {
  return {"--tables", 0, 0, "", tables.path, "a file of tools/import_tables: " + tables.error, ""};
}

/// The request of the command line, or every error of document, flags and engine, printed.
std::optional<profile_request> request_of(const command_line& args, const performance::opened_tables& tables) {
  auto submission = submission_from(args);
  if (!submission)
    return std::nullopt;
  if (args.positionals.empty()) {
    submission->document = document_of_flags;
    submission->source = flags_source;
    // One point is an engine of one back end; a search compares all.
    if (!args.has("backend") && asks_for_point(args))
      submission->options["backend"] = "vllm";
  }
  submission->options["mode"] = "estimated";
  auto checked = read_request("estimate", *submission);
  auto* refused = std::get_if<std::vector<document_error>>(&checked);
  auto errors = refused ? *refused : std::vector<document_error>{};
  name_as_flags(errors);
  name_flags_of_document(errors);
  const auto model = refused ? model_named(args) : std::get<profile_request>(checked).model;
  if (asks_for_point(args))
    for (auto& error : check_engine_flags(args, model))
      errors.push_back(std::move(error));
  if (!tables.error.empty())
    errors.push_back(error_of(tables));
  if (!errors.empty()) {
    print_errors(errors);
    return std::nullopt;
  }
  return std::get<profile_request>(std::move(checked));
}

/// Writes the files of a profile; an empty text, or what went wrong.
std::string write_answer(const estimated_answer& answer, const std::string& directory) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code)
    return directory + ": cannot be created: " + code.message();
  const auto outcome = write_output(directory, {answer.request, answer.result}, {}, {});
  for (const auto& remark : outcome.remarks)
    fprintf(stderr, "note: %s\n", remark.c_str());
  return outcome.error;
}

} // namespace

std::string note_of_tables(const performance::opened_tables& tables) {
  return tables.tables ? std::string{} : "note: no performance tables: formulas answered (tools/import_tables makes them)\n";
}

std::vector<document_error> check_estimate(const command_line& args) {
  auto errors = asks_for_point(args) ? check_engine_flags(args, model_named(args)) : std::vector<document_error>{};
  if (const auto tables = performance::open_tables(args.value("tables")); !tables.error.empty())
    errors.push_back(error_of(tables));
  return errors;
}

int run_estimate(const command_line& args) {
  const auto tables = performance::open_tables(args.value("tables"));
  if (args.has("rows"))
    return run_estimate_rows(args, tables);
  const auto request = request_of(args, tables);
  std::vector<std::string> errors;
  const auto points = points_of(args, tables, errors);
  for (const auto& error : errors)
    fprintf(stderr, "%s\n", error.c_str());
  if (!request || !errors.empty())
    return exit_bad_input;
  performance::estimate_context context{tables.timers};
  context.measured = points.empty() ? nullptr : &points;
  if (asks_for_point(args))
    return run_estimate_point(args, *request, context, tables);
  const auto answer = estimate_request(*request, true, context);
  if (const auto damage = tables.tables ? tables.tables->damage() : std::string{}; !damage.empty()) {
    print_errors({{"--tables", 0, 0, "", tables.path, "an undamaged file: " + damage, "repeat tools/import_tables"}});
    return exit_bad_input;
  }
  // Only where it was asked for: drawing takes longer than estimating.
  std::string directory;
  if (!request->output_dir.empty()) {
    directory = std::filesystem::absolute(request->output_dir).lexically_normal().string();
    if (const auto error = write_answer(answer, directory); !error.empty()) {
      fprintf(stderr, "%s\n", error.c_str());
      return exit_failed;
    }
  }
  const auto text = args.value("format") == "json" ? estimate_json(answer, directory) : estimate_text(answer, directory);
  fputs(text.c_str(), stdout);
  if (args.value("format") != "json")
    fputs(note_of_tables(tables).c_str(), stdout);
  return answer.chosen.feasible ? exit_ok : exit_infeasible;
}

} // namespace sextant
