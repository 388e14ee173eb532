// mocked_workers.cpp: What each back end's argument is called at the mocker.
#include "adapters/backends/mocked_workers.hpp"

#include <initializer_list>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/templates.hpp"

namespace sextant {

namespace {

std::optional<std::string> first_value(const argument_list& args, std::initializer_list<std::string_view> flags) {
  for (const auto flag : flags)
    if (auto value = args.value(flag))
      return value;
  return std::nullopt;
}

void copy(const argument_list& from, argument_list& to, std::initializer_list<std::string_view> names,
          std::string_view flag) {
  if (const auto value = first_value(from, names))
    to.set(flag, *value);
}

void copy_vllm(const argument_list& from, argument_list& to) {
  copy(from, to, {"--max-num-seqs"}, "--max-num-seqs");
  copy(from, to, {"--max-num-batched-tokens"}, "--max-num-batched-tokens");
  copy(from, to, {"--block-size"}, "--block-size");
  copy(from, to, {"--num-gpu-blocks-override"}, "--num-gpu-blocks-override");
  copy(from, to, {"--max-model-len"}, "--max-model-len");
  copy(from, to, {"--data-parallel-size", "--dp", "-dp"}, "--data-parallel-size");
  if (from.has("--no-enable-prefix-caching"))
    to.add("--no-enable-prefix-caching");
}

void copy_sglang(const argument_list& from, argument_list& to) {
  copy(from, to, {"--max-running-requests"}, "--max-num-seqs");
  copy(from, to, {"--chunked-prefill-size"}, "--max-num-batched-tokens");
  copy(from, to, {"--context-length"}, "--max-model-len");
  if (from.has("--enable-dp-attention"))
    copy(from, to, {"--dp", "--dp-size", "--data-parallel-size"}, "--data-parallel-size");
  if (from.has("--disable-radix-cache"))
    to.add("--no-enable-prefix-caching");
}

void copy_trtllm(const argument_list& from, argument_list& to) {
  const auto text = from.value("--override-engine-args").value_or("{}");
  const auto engine = nlohmann::json::parse(text, nullptr, false);
  if (!engine.is_object())
    return;
  for (const auto& [key, flag] :
       {std::pair{"max_batch_size", "--max-num-seqs"}, std::pair{"max_num_tokens", "--max-num-batched-tokens"},
        std::pair{"max_seq_len", "--max-model-len"}})
    if (engine.contains(key) && engine[key].is_number_integer())
      to.set(flag, engine[key].dump());
  if (engine.value("enable_attention_dp", false) && engine.contains("tensor_parallel_size"))
    to.set("--data-parallel-size", engine["tensor_parallel_size"].dump());
  const auto cache = engine.find("kv_cache_config");
  if (cache != engine.end() && cache->is_object() && !cache->value("enable_block_reuse", true))
    to.add("--no-enable-prefix-caching");
}

/// `role` is empty for an aggregated worker.
void mock(yaml_tree& service, const profile_request& request, std::string_view role) {
  const auto from = arguments_of(service);
  argument_list to;
  const auto model = from.value("--model").value_or(from.value("--model-path").value_or(model_path(request)));
  to.set("--model-path", model);
  to.set("--model-name", from.value("--served-model-name").value_or(request.model.name));
  if (!role.empty() && request.api == request_api::v1beta1)
    to.set("--disaggregation-mode", role);
  else if (!role.empty())
    to.add("--is-" + std::string{role} + "-worker");
  switch (request.backend) {
    case backend_kind::vllm:
      copy_vllm(from, to);
      break;
    case backend_kind::sglang:
      copy_sglang(from, to);
      break;
    case backend_kind::trtllm:
      copy_trtllm(from, to);
      break;
  }
  auto& container = service["extraPodSpec"]["mainContainer"];
  container["command"] = yaml_tree::texts({"python3", "-m", "dynamo.mocker"});
  container["args"] = yaml_tree::texts(to.exec());
}

} // namespace

bool mocks_engines(const profile_request& request) {
  return request.use_mocker && request.host == "local";
}

void mock_workers(yaml_tree& dgd, const profile_request& request) {
  auto* prefill = service_of(dgd, request.backend, phase::prefill);
  auto* decode = service_of(dgd, request.backend, phase::decode);
  const bool apart = prefill && decode;
  if (prefill)
    mock(*prefill, request, apart ? "prefill" : "");
  if (decode)
    mock(*decode, request, apart ? "decode" : "");
}

} // namespace sextant
