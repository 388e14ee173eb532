// clients.hpp: How a thin client asks an installation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/nats/bus.hpp"
#include "config/command_line.hpp"
#include "messages/codec.hpp"

namespace sextant {

/// The answer to a question, waited for as long as `--timeout` says. Errors are printed; nothing then.
std::optional<envelope> ask(bus& link, const std::string& subject, const std::string& body, const command_line& args);

/// The bus of a thin client. What a client logs is nobody's output: it goes to `--log-file` or nowhere.
std::shared_ptr<bus> client_link(const command_line& args);

/// Every request that an installation knows, oldest first, page by page; nothing, with the reason printed, without an
/// answer.
std::optional<std::vector<request_summary>> ask_for_requests(bus& link, const command_line& args);

} // namespace sextant
