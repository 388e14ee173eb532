// templates.cpp: The built-in deployments, in the shape of nvidia.com/v1alpha1 (a map of services).
#include "adapters/backends/templates.hpp"

#include <algorithm>
#include <array>

namespace sextant {

namespace {

constexpr std::array<backend_names, 3> all_names{{
    {"VllmPrefillWorker", "VllmDecodeWorker", "dynamo.vllm", "vllm-runtime", "--model"},
    {"prefill", "decode", "dynamo.sglang", "sglang-runtime", "--model-path"},
    {"TRTLLMPrefillWorker", "TRTLLMDecodeWorker", "dynamo.trtllm", "tensorrtllm-runtime", "--model-path"},
}};

constexpr std::string_view registry = "nvcr.io/nvidia/ai-dynamo/";
constexpr std::string_view old_tag = ":0.9.0"; // the last release of the v1alpha1 line
constexpr std::string_view new_tag = ":1.2.1";
constexpr std::string_view default_model = "Qwen/Qwen3-0.6B";

std::string image_of(std::string_view name, request_api api) {
  return std::string{registry} + std::string{name} + std::string{api == request_api::v1beta1 ? new_tag : old_tag};
}

// `group` is a line with the Dynamo namespace, or nothing.
std::string frontend(std::string_view image, std::string_view group = {}) {
  return "    Frontend:\n" + std::string{group}
         + "      componentType: frontend\n"
           "      replicas: 1\n"
           "      extraPodSpec:\n"
           "        mainContainer:\n"
           "          image: "
         + std::string{image} + "\n";
}

struct worker_text {
  std::string_view service;
  std::string_view role;
  std::string_view image;
  std::string_view directory;
  std::string_view module;
  std::string args; ///< flow sequence without brackets
  std::string_view group = {};
};

std::string worker(const worker_text& w) {
  std::string out = "    " + std::string{w.service} + ":\n" + std::string{w.group};
  out += "      componentType: worker\n";
  out += "      subComponentType: " + std::string{w.role} + "\n";
  out += "      envFromSecret: hf-token-secret\n";
  out += "      replicas: 1\n";
  out += "      resources:\n        limits:\n          gpu: \"1\"\n";
  out += "      extraPodSpec:\n        mainContainer:\n";
  out += "          image: " + std::string{w.image} + "\n";
  out += "          workingDir: " + std::string{w.directory} + "\n";
  out += "          command: [python3, -m, " + std::string{w.module} + "]\n";
  out += "          args: [" + w.args + "]\n";
  return out;
}

// Releases up to 0.9 name the role with a switch, later ones with a mode.
std::string role_flag(std::string_view role, request_api api) {
  if (api == request_api::v1beta1)
    return ", --disaggregation-mode, " + std::string{role};
  return ", --is-" + std::string{role} + "-worker";
}

std::string arguments_of(backend_kind backend, std::string_view role, request_api api) {
  const std::string model{default_model};
  switch (backend) {
    case backend_kind::vllm: {
      std::string out = "--model, " + model + role_flag(role, api);
      if (api == request_api::v1beta1)
        out += R"(, --kv-transfer-config, '{"kv_connector":"NixlConnector","kv_role":"kv_both"}')";
      return out;
    }
    case backend_kind::sglang:
      return "--model-path, " + model + ", --served-model-name, " + model
             + ", --page-size, \"16\", --tp, \"1\", --trust-remote-code, --skip-tokenizer-init, --disaggregation-mode, "
             + std::string{role}
             + ", --disaggregation-transfer-backend, nixl, --disaggregation-bootstrap-port, \"12345\", --host, 0.0.0.0";
    case backend_kind::trtllm:
      break;
  }
  return "--model-path, " + model + ", --served-model-name, " + model
         + ", --extra-engine-args, ./examples/backends/trtllm/engine_configs/qwen3/" + std::string{role}
         + ".yaml, --disaggregation-mode, "
         + std::string{role} // Releases from 1.0 on take long prompts in pieces unless a worker says otherwise.
         + (api == request_api::v1beta1 ? R"(, --override-engine-args, '{"enable_chunked_prefill":true}')" : "");
}

std::string header(std::string_view name) {
  return "apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeployment\nmetadata:\n  name: " + std::string{name}
         + "\nspec:\n  services:\n";
}

} // namespace

const backend_names& names_of(backend_kind backend) {
  return all_names[static_cast<size_t>(backend)];
}

std::string base_template(backend_kind backend, request_api api) {
  const auto& names = names_of(backend);
  const auto image = image_of(names.runtime_image, api);
  const std::string directory =
      backend == backend_kind::trtllm ? "/workspace" : "/workspace/examples/backends/" + std::string{to_text(backend)};
  auto out = header(std::string{to_text(backend)} + "-disagg") + frontend(image);
  out += worker({names.prefill_service, "prefill", image, directory, names.module, arguments_of(backend, "prefill", api)});
  out += worker({names.decode_service, "decode", image, directory, names.module, arguments_of(backend, "decode", api)});
  return out;
}

std::string mocker_template(request_api api) {
  const auto image = image_of(names_of(backend_kind::vllm).runtime_image, api);
  // Later releases derive the Dynamo namespace from the deployment.
  const std::string_view group = api == request_api::v1beta1 ? "" : "      dynamoNamespace: mocker-disagg\n";
  auto out = header("mocker-disagg") + frontend(image, group);
  const auto args = [api](std::string_view role) {
    return "--model-path, " + std::string{default_model} + ", --model-name, " + std::string{default_model}
           + ", --speedup-ratio, \"1.0\"" + role_flag(role, api);
  };
  out += worker({"prefill", "prefill", image, "/workspace", "dynamo.mocker", args("prefill"), group});
  out += worker({"decode", "decode", image, "/workspace", "dynamo.mocker", args("decode"), group});
  return out;
}

std::string sibling_image(std::string_view image, std::string_view name) {
  const auto slash = image.rfind('/');
  const auto from = slash == std::string_view::npos ? 0 : slash + 1;
  const auto end = std::min(image.find_first_of(":@", from), image.size());
  return std::string{image.substr(0, from)} + std::string{name} + std::string{image.substr(end)};
}

} // namespace sextant
