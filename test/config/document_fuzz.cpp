// document_fuzz.cpp: Arbitrary bytes as a submission: either a request or errors that people and JSON can carry.
#include <cstdint>
#include <cstdlib>

#include "config/command_line.hpp"
#include "config/intake.hpp"
#include "config/option_values.hpp"
#include "messages/codec.hpp"

using namespace sextant;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  submit_request submission;
  submission.source = "fuzz.yaml";
  std::string text{reinterpret_cast<const char*>(data) + 1, size - 1};
  // The first byte chooses what the rest is: a document, or the value of an option over a good document.
  const auto rows = options();
  if (data[0] % 4 != 0) {
    submission.document = text;
  } else {
    submission.document = "apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: a}\n"
                          "spec: {model: Qwen/Qwen3-8B, backend: vllm, profilingConfig: {config: {sla: {ttft: 1}}}}\n";
    const auto& row = rows[(data[0] / 4) % rows.size()];
    if (row.name != "config" && row.name != "model")
      submission.options[std::string{row.name}] = text;
  }
  const auto result = read_request("fuzz", submission);
  if (const auto* errors = std::get_if<std::vector<document_error>>(&result)) {
    require(!errors->empty());
    for (const auto& error : *errors) {
      std::size_t bad = 0;
      require(valid_utf8(format_error(error), bad));
    }
    require(!encode_body(request_refused{*errors}).empty());
  } else {
    const auto& request = std::get<profile_request>(result);
    require(request.min_gpus_per_engine <= request.max_gpus_per_engine);
    std::vector<codec_error> refused;
    require(decode_body<profile_request>(encode_body(request), refused).has_value());
  }
  return 0;
}
