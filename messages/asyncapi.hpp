// asyncapi.hpp: The AsyncAPI document of the wire contract, made from the same descriptions as the codec. Pure.
#pragma once

#include <string>

namespace sextant {

/// Text of messages/asyncapi.yaml: every subject, every message kind, every schema.
std::string asyncapi_document();

} // namespace sextant
