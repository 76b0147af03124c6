// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/load_generator.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>
#include <sysc/kernel/sc_dynamic_processes.h> // sc_spawn

#include <algorithm>
#include <stdexcept>

namespace hydravp::modules {

using core::Picoseconds;

LoadGenerator::LoadGenerator(const sc_core::sc_module_name& name, const LoadConfig& config,
                             std::uint32_t core, std::uint32_t outstanding)
    : sc_core::sc_module(name),
      config_(config),
      data_(outstanding, std::vector<unsigned char>(config.access_bytes)),
      interval_(config.rate.time_for(config.access_bytes)),
      random_(std::uint64_t{config.seed} << 32 | core),
      accesses_(meter_.add(core::Quantity::count, "load_accesses")),
      latency_(meter_.add(core::Quantity::count, "load_latency_ps")),
      bytes_(meter_.add(core::Quantity::bytes, "load")) {
    if (interval_.count() == 0 || config.access_bytes == 0 || outstanding == 0 ||
        config.block.count % config.access_bytes != 0 || config.block.count == 0 ||
        config.footprint.count % config.block.count != 0 || config.footprint.count == 0) {
        throw std::invalid_argument(
            "load: needs a rate, accesses in whole blocks, blocks in a whole footprint");
    }
}

void LoadGenerator::end_of_elaboration() {
    for (std::vector<unsigned char>& data : data_) {
        sc_core::sc_spawn([this, &data] { run(data); }, sc_core::sc_gen_unique_name("access"));
    }
}

void LoadGenerator::rethrow() const {
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

/// One of as many threads as accesses may be under way; each takes the next one in turn.
void LoadGenerator::run(std::vector<unsigned char>& data) {
    try {
        while (!stopped_) {
            const Picoseconds issue = std::max(next_issue_, core::now());
            next_issue_ = issue + interval_;
            if (issue > core::now()) {
                wait(core::to_sc_time(issue - core::now()));
            }
            if (!stopped_) {
                access(data);
            }
        }
    } catch (const core::SimulationError&) {
        stop();
        failure_ = std::current_exception();
    }
}

void LoadGenerator::access(std::vector<unsigned char>& data) {
    const std::uint64_t address = next_address();
    const bool read = random_fraction() < config_.read_share;
    if (!read) {
        std::generate(data.begin(), data.end(), [this] { return static_cast<unsigned char>(random_()); });
    }
    core::PooledPayload payload(payloads_);
    payload->set_command(read ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
    payload->set_address(address);
    payload->set_data_ptr(data.data());
    payload->set_data_length(config_.access_bytes);
    payload->set_streaming_width(config_.access_bytes);
    const Picoseconds begin = core::now();
    sc_core::sc_time delay;
    memory->b_transport(*payload, delay);
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
    }
    if (payload->is_response_error()) {
        throw core::SimulationError(fmt::format("{}: {} of {} bytes at {:#x} failed: {}", name(),
                                                read ? "read" : "write", config_.access_bytes, address,
                                                payload->get_response_string()));
    }
    meter_.charge(accesses_, core::no_layer, 1.0);
    meter_.charge(latency_, core::no_layer, core::now() - begin);
    latencies_.add(core::now() - begin);
    meter_.charge(bytes_, core::no_layer, static_cast<double>(config_.access_bytes));
}

std::uint64_t LoadGenerator::next_address() {
    const std::uint64_t accesses = config_.footprint.count / config_.access_bytes;
    if (random_fraction() >= config_.locality) {
        offset_ = random_() % accesses * config_.access_bytes;
    }
    const std::uint64_t block = offset_ / config_.block.count;
    const std::uint64_t within = offset_ % config_.block.count;
    offset_ = block * config_.block.count + (within + config_.access_bytes) % config_.block.count;
    return config_.base.count + block * config_.stride.count + within;
}

double LoadGenerator::random_fraction() {
    constexpr double scale = 1.0 / 9007199254740992.0; // 2^53
    return static_cast<double>(random_() >> 11) * scale;
}

} // namespace hydravp::modules
