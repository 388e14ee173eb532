// intake.hpp: From what a person wrote to a validated request, or every error at once. Pure but for reading model files.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// Whose the files are that a submission names by path (`gpu`, `config`).
enum class named_files : uint8_t {
  of_writer, ///< the submission was written on this machine: they are opened
  of_others, ///< it came over the network: a GPU's description is refused, and of a deployment's file only its use is told
};

/// Parses, defaults and validates a submission: DGDR v1alpha1 or v1beta1 text plus options that override it.
/// Returns the request or every error, each with file:line:column, path, found, accepted, hint. `id` becomes the request's
/// id.
std::variant<profile_request, std::vector<document_error>>
read_request(const std::string& id, const submit_request& submission, named_files files = named_files::of_writer);

/// One line per error as people read it: `dgdr.yaml:12:9: spec...ttft: found "fast", accepted: a number > 0 (ms)`.
std::string format_error(const document_error& error);

/// GPU facts by system name; nothing if unknown.
const gpu_facts* find_gpu(std::string_view name);
std::vector<std::string> gpu_names();

/// Model facts from the catalogue by hub id; nothing if unknown.
const model_facts* find_model(std::string_view name);

/// Model facts from a local directory with a config.json. Errors are appended.
bool read_model_directory(const std::string& directory, model_facts& facts, std::vector<document_error>& errors);

} // namespace sextant
