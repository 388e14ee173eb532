// hosts.cpp: Hosts by their kind.
#include "tools/sextant/hosts.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "adapters/http/client.hpp"
#include "adapters/local/endpoint_host.hpp"
#include "adapters/local/local_host.hpp"
#include "tools/sextant/cluster_host.hpp"

namespace sextant {

namespace {

std::shared_ptr<engine_host> local_host_from(const command_line& args, const std::string& directory, int gpus,
                                             std::vector<document_error>& errors) {
  dynamo_environment environment;
  if (const auto error = find_dynamo(args.value("python"), directory + "/engines", environment); !error.empty()) {
    errors.push_back({"--python", 0, 0, "", error, "an interpreter whose environment has ai-dynamo",
                      "pip install ai-dynamo into a virtual environment and name its bin/python"});
    return nullptr;
  }
  local_settings settings;
  settings.python = environment.python;
  settings.interface_names = takes_interface_names(environment);
  settings.directory = directory + "/engines";
  settings.gpus.resize(static_cast<size_t>(gpus));
  std::iota(settings.gpus.begin(), settings.gpus.end(), 0);
  return make_local_host(settings);
}

std::vector<std::string> urls_of(const command_line& args) {
  std::vector<std::string> urls;
  std::string_view rest = args.options.count("url") ? std::string_view{args.options.at("url")} : std::string_view{};
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    if (comma > 0)
      urls.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return urls;
}

std::shared_ptr<engine_host> endpoint_host_from(const command_line& args, std::vector<document_error>& errors) {
  const auto urls = urls_of(args);
  constexpr auto accepted = "http:// or https:// URLs, separated by commas";
  if (urls.empty())
    errors.push_back({"--url", 0, 0, "", "nothing", accepted, "the endpoint host profiles what runs there"});
  for (const auto& url : urls)
    if (std::string error; !parse_http_url(url, error))
      errors.push_back({"--url", 0, 0, "", url, accepted, error});
  return errors.empty() ? make_endpoint_host(urls) : nullptr;
}

} // namespace

void settle_host_options(const command_line& args, submit_request& submission) {
  const auto host = submission.options.find("host");
  if (host == submission.options.end() || host->second != "endpoint")
    return;
  const int gpus = args.has("gpus") ? std::stoi(args.value("gpus")) : 1;
  const auto text = std::to_string(gpus);
  submission.options["min-num-gpus-per-engine"] = submission.options["max-num-gpus-per-engine"] = text;
  submission.options["gpus"] = std::to_string(gpus * std::max<int>(1, static_cast<int>(urls_of(args).size())));
}

std::shared_ptr<engine_host> make_host(const std::string& kind, const command_line& args, const std::string& directory,
                                       int gpus, const std::string& name_space, std::vector<document_error>& errors) {
  if (kind == "local")
    return local_host_from(args, directory, gpus, errors);
  if (kind == "kubernetes")
    return cluster_host_from(args, name_space, directory, errors);
  if (kind == "endpoint")
    return endpoint_host_from(args, errors);
  return make_simulated_host();
}

} // namespace sextant
