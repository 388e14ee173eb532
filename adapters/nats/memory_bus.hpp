// memory_bus.hpp: The bus inside one process, without a server: for tests and for what never leaves the process.
// It keeps the rules of the real one (streams, work queues with redelivery, duplicates, leases); nothing survives it.
#pragma once

#include <memory>

#include "adapters/nats/bus.hpp"

namespace sextant {

/// What several buses of one process share, like several clients of one server.
class memory_broker;

std::shared_ptr<memory_broker> make_memory_broker();

/// One client of a broker.
std::unique_ptr<bus> make_memory_bus(std::shared_ptr<memory_broker> broker);

/// A bus with a broker of its own.
std::unique_ptr<bus> make_memory_bus();

} // namespace sextant
