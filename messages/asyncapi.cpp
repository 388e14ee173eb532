// asyncapi.cpp: Subjects and who uses them as a table; schemas from the codec; written as YAML.
#include "messages/asyncapi.hpp"

#include <vector>

#include <nlohmann/json.hpp>

#include "messages/codec.hpp"
#include "messages/records.hpp"
#include "messages/serving.hpp"
#include "messages/subjects.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

/// One subject of the bus, as a client sees it.
struct channel {
  const char* name;
  std::string address; ///< parameters in braces
  const char* what;
  const char* action;               ///< what Sextant does there: `receive` or `send`
  std::vector<const char*> kinds;   ///< messages that travel there
  std::vector<const char*> answers; ///< kinds of the reply, for request/reply
};

const std::vector<const char*> result_kinds{"engine_ready",   "engine_failed",  "engine_lost",       "engine_released",
                                            "point_measured", "attempt_failed", "artifacts_written", "budget_spent",
                                            "cancel_request", "profile_failed", "profile_finished"};

std::vector<channel> channels() {
  const subjects names;
  const auto& p = names.prefix();
  return {
      {"request_submit",
       names.request_submit(),
       "Submits a request; the same id again is the same request.",
       "receive",
       {"submit_request"},
       {"request_accepted", "request_refused"}},
      {"request_new",
       names.request_new(),
       "Submits a request without waiting; stored, and refusals come as events.",
       "receive",
       {"submit_request"},
       {}},
      {"request_accepted",
       p + ".request.accepted.{request}",
       "Validated requests, stored.",
       "send",
       {"profile_request"},
       {}},
      {"request_cancel",
       p + ".request.{request}.cancel",
       "Takes a request back; its results stay.",
       "receive",
       {"cancel_request"},
       {"request_accepted"}},
      {"request_get",
       p + ".request.{request}.get",
       "Asks where a request stands; the question has any body.",
       "receive",
       {},
       {"request_summary", "profile_finished", "profile_failed"}},
      {"request_wants",
       p + ".request.{request}.wants",
       "Asks whether a piece of work is still wanted; the question is the work's own message.",
       "receive",
       {"measure_point", "deploy_engine"},
       {"work_wanted"}},
      {"request_list",
       names.request_list(),
       "Asks for a page of all requests; a question with another body asks for the first.",
       "receive",
       {"list_requests"},
       {"request_list"}},
      {"event",
       p + ".event.{request}",
       "What happens to a request, kept for some hours; ends with profile_finished or profile_failed.",
       "send",
       {"progress", "request_refused", "profile_finished", "profile_failed"},
       {}},
      {"result", p + ".result.{request}", "Everything that decides a request, stored in order.", "send", result_kinds, {}},
      {"work_deploy", p + ".work.deploy.{pool}.{gpus}", "Engines to start, one taker each.", "send", {"deploy_engine"}, {}},
      {"work_measure", p + ".work.measure.{zone}", "Points to measure, one taker each.", "send", {"measure_point"}, {}},
      {"work_write", names.write_work(), "Artifacts to write, one taker each.", "send", {"write_artifacts"}, {}},
      {"records",
       p + ".records.{zone}.{request}.{run}",
       "Token records of one attempt, packed columns in chunks.",
       "send",
       {"records"},
       {}},
      {"engine_release", p + ".engine.{request}.release", "Ends an engine.", "send", {"release_engine"}, {}},
      {"node_drain",
       p + ".node.{node}.drain",
       "Tells a node to take no more engines; the question has any body, the answer is the node from now on.",
       "receive",
       {},
       {"node_alive"}},
      {"node_resume",
       p + ".node.{node}.resume",
       "Tells a draining node to take engines again.",
       "receive",
       {},
       {"node_alive"}},
      {"node_alive",
       "$KV." + names.node_bucket() + ".{node}",
       "A node, what it offers and what it runs: key-value bucket, gone when it was not renewed for some seconds.",
       "send",
       {"node_alive"},
       {}},
      {"serving_observed",
       p + ".serving.{sidecar}.observed",
       "What a deployment did in the last window, by its own counters.",
       "send",
       {"serving_observed"},
       {}},
      {"serving_drift",
       p + ".serving.{sidecar}.drift",
       "How far a deployment is from a curve, when the verdict changes.",
       "send",
       {"curves_drifted"},
       {}},
      {"serving_correct",
       p + ".serving.{sidecar}.correct",
       "Asks for corrected curves.",
       "receive",
       {"correct_curves"},
       {"curves_corrected"}},
      {"serving_measure",
       p + ".serving.{sidecar}.measure",
       "Asks for a small measurement at the sidecar's frontend; engine and endpoint of the question are not used.",
       "receive",
       {"measure_point"},
       {"point_measured", "attempt_failed"}},
  };
}

const char* meaning_of(const std::string& parameter) {
  if (parameter == "request")
    return "request id: letters, digits, '-' and '_'";
  if (parameter == "pool")
    return "pool of GPUs";
  if (parameter == "gpus")
    return "GPUs of the engine";
  if (parameter == "sidecar")
    return "name of a sidecar";
  if (parameter == "zone")
    return "where load runs";
  if (parameter == "node")
    return "name of the node";
  return "one run of one attempt";
}

json parameters_of(const std::string& address) {
  auto out = json::object();
  for (auto open = address.find('{'); open != std::string::npos; open = address.find('{', open + 1)) {
    const auto name = address.substr(open + 1, address.find('}', open) - open - 1);
    out[name] = {{"description", meaning_of(name)}};
  }
  return out;
}

json reference_to(const std::string& where) {
  return {{"$ref", "#/" + where}};
}

json channel_object(const channel& c) {
  json out{{"address", c.address}, {"description", c.what}};
  if (auto parameters = parameters_of(c.address); !parameters.empty())
    out["parameters"] = std::move(parameters);
  auto messages = json::object();
  for (const auto* kind : c.kinds)
    messages[kind] = reference_to(std::string{"components/messages/"} + kind);
  for (const auto* kind : c.answers)
    messages[kind] = reference_to(std::string{"components/messages/"} + kind);
  out["messages"] = std::move(messages);
  return out;
}

json message_refs(const channel& c, const std::vector<const char*>& kinds) {
  auto out = json::array();
  for (const auto* kind : kinds)
    out.push_back(reference_to(std::string{"channels/"} + c.name + "/messages/" + kind));
  return out;
}

json operation_object(const channel& c) {
  json out{{"action", c.action}, {"channel", reference_to(std::string{"channels/"} + c.name)}};
  if (!c.kinds.empty())
    out["messages"] = message_refs(c, c.kinds);
  if (!c.answers.empty())
    out["reply"] = {
        {"address", {{"location", "$message.header#/reply"}, {"description", "the reply subject of the NATS message"}}},
        {"channel", reference_to(std::string{"channels/"} + c.name)},
        {"messages", message_refs(c, c.answers)}};
  return out;
}

json envelope_schema() {
  auto text = [](const char* what) { return json{{"type", "string"}, {"description", what}}; };
  return {
      {"type", "object"},
      {"description", "The one envelope of all JSON messages. Fields that are not listed are kept and ignored."},
      {"properties",
       {{"v", {{"type", "integer"}, {"const", 1}, {"description", "version of the contract"}}},
        {"kind", text("kind of the message")},
        {"id", text("id of this message; the same id again is the same message")},
        {"request", text("request that the message belongs to")},
        {"time", {{"type", "string"}, {"format", "date-time"}, {"description", "when it was written, UTC"}}},
        {"body", {{"type", "object"}, {"description", "what the kind says"}}}}},
      {"required", {"v", "kind"}},
  };
}

json message_object(const std::string& kind) {
  return {{"name", kind},
          {"contentType", "application/json"},
          {"payload", reference_to("components/schemas/" + kind + "_message")}};
}

/// A message kind as a whole: envelope, its name, its body.
json message_schema(const std::string& kind) {
  return {{"allOf",
           {reference_to("components/schemas/envelope"),
            json{{"properties", {{"kind", {{"const", kind}}}, {"body", reference_to("components/schemas/" + kind)}}},
                 {"required", {"body"}}}}}};
}

json components() {
  auto messages = json::object(), schemas = json::object();
  schemas["envelope"] = envelope_schema();
#define SEXTANT_ADD(type)                                                                                                   \
  messages[#type] = message_object(#type);                                                                                  \
  schemas[#type "_message"] = message_schema(#type);                                                                        \
  schemas[#type] = json::parse(body_schema<type>());
  SEXTANT_FOR_EACH_MESSAGE(SEXTANT_ADD)
  SEXTANT_FOR_EACH_SERVING_MESSAGE(SEXTANT_ADD)
#undef SEXTANT_ADD
  messages["records"] = {
      {"name", "records"},
      {"contentType", std::string{records_content_type}},
      {"description", "binary: magic SXR1, chunk number, chunk count, JSON header, little-endian columns"},
      {"payload", {{"type", "string"}, {"format", "binary"}}}};
  return {{"messages", std::move(messages)}, {"schemas", std::move(schemas)}};
}

// -- YAML -------------------------------------------------------------------------------------------

std::string scalar(const json& x) {
  return x.is_object() ? "{}" : x.is_array() ? "[]" : x.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Block style; strings stay in JSON's quotes, which YAML reads the same way.
void write_yaml(std::string& out, const json& x, size_t indent, bool in_list) {
  bool first = true;
  auto begin_line = [&] {
    if (!(in_list && first))
      out.append(indent, ' ');
    first = false;
  };
  auto nested = [&](const json& value) {
    if (value.is_structured() && !value.empty()) {
      out += '\n';
      write_yaml(out, value, indent + 2, false);
    } else {
      out += " " + scalar(value) + "\n";
    }
  };
  if (x.is_object()) {
    for (const auto& [key, value] : x.items()) {
      begin_line();
      out += (key.front() == '$' ? "\"" + key + "\"" : key) + ":";
      nested(value);
    }
    return;
  }
  for (const auto& value : x) {
    begin_line();
    out += "- ";
    if (value.is_structured() && !value.empty())
      write_yaml(out, value, indent + 2, true);
    else
      out += scalar(value) + "\n";
  }
}

} // namespace

std::string asyncapi_document() {
  auto all_channels = json::object(), operations = json::object();
  for (const auto& c : channels()) {
    all_channels[c.name] = channel_object(c);
    operations[std::string{c.action} + "_" + c.name] = operation_object(c);
  }
  const json document{
      {"asyncapi", "3.0.0"},
      {"info",
       {{"title", "Sextant over NATS"},
        {"version", "1.0.0"},
        {"description",
         "Every subject and message of one installation with the default prefix. Operations are told from the side of "
         "Sextant: it receives what clients send."}}},
      {"defaultContentType", "application/json"},
      {"channels", std::move(all_channels)},
      {"operations", std::move(operations)},
      {"components", components()},
  };
  std::string out = "# asyncapi.yaml: The wire contract, generated from the message descriptions; do not edit.\n";
  write_yaml(out, document, 0, false);
  return out;
}

} // namespace sextant
