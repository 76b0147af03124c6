// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cnn_traffic_replayer.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>
#include <sysc/kernel/sc_dynamic_processes.h> // sc_spawn

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace hydravp::workloads {

using core::Picoseconds;

namespace {

/// Patterns of weights are numbered from here, those of tensors from 0.
constexpr std::uint32_t weight_patterns = 0x10000;

unsigned char pattern_byte(std::uint32_t pattern, std::uint64_t byte) {
    return static_cast<unsigned char>(((std::uint64_t{pattern} << 40 ^ byte) * 0x9E3779B97F4A7C15) >> 56);
}

void fill_pattern(unsigned char* data, std::uint64_t bytes, std::uint32_t pattern, std::uint64_t first) {
    for (std::uint64_t i = 0; i < bytes; ++i) {
        data[i] = pattern_byte(pattern, first + i);
    }
}

} // namespace

struct CnnTrafficReplayer::Worker {
    Worker(core::PayloadPool& pool, std::uint32_t bytes) : payload(pool), data(bytes) {
        payload->set_extension(&attribution);
        payload->set_data_ptr(data.data());
        payload->set_byte_enable_ptr(nullptr);
    }
    ~Worker() { payload->clear_extension(&attribution); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    core::Attribution attribution;
    core::PooledPayload payload;
    std::vector<unsigned char> data;
};

CnnTrafficReplayer::CnnTrafficReplayer(const sc_core::sc_module_name& name, CnnTraffic traffic,
                                       const CnnTrafficReplayerConfig& config)
    : sc_core::sc_module(name), traffic_(std::move(traffic)), config_(config) {
    if (config.access_bytes == 0 || config.access_bytes % 2 != 0 || config.outstanding == 0 ||
        traffic_.layers() == 0) {
        throw std::invalid_argument("replay: needs layers, accesses of whole words, at least one under way");
    }
    SC_HAS_PROCESS(CnnTrafficReplayer);
    SC_THREAD(replay);
}

CnnTrafficReplayer::~CnnTrafficReplayer() = default;

void CnnTrafficReplayer::end_of_elaboration() {
    for (std::uint32_t i = 0; i < config_.outstanding; ++i) {
        workers_.push_back(std::make_unique<Worker>(payloads_, config_.access_bytes));
        sc_core::sc_spawn([this, worker = workers_.back().get()] { work(*worker); },
                          sc_core::sc_gen_unique_name("access"));
    }
}

void CnnTrafficReplayer::rethrow() const {
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

/// One layer after the other.
void CnnTrafficReplayer::replay() {
    try {
        load();
        for (std::size_t layer = 0; layer < traffic_.layers() && !failure_; ++layer) {
            stream_ = traffic_.stream(layer, config_.access_bytes);
            present_ = {};
            present_.start = core::now();
            busy_ = config_.outstanding;
            layer_begun_.notify(sc_core::SC_ZERO_TIME);
            wait(drained_);
            if (!failure_) {
                present_.end = core::now();
                layers_.push_back(present_);
                if (layer_done) {
                    layer_done(layer);
                }
            }
        }
    } catch (const sc_core::sc_unwind_exception&) {
        throw;
    } catch (...) {
        failure_ = std::current_exception();
    }
    finished_ = true;
    finished_event_.notify();
}

/// One of as many threads as accesses may be under way; each takes the next one in turn.
void CnnTrafficReplayer::work(Worker& worker) {
    for (;;) {
        wait(layer_begun_);
        try {
            TrafficAccess access;
            while (!failure_ && stream_.next(access)) {
                perform(worker, access);
            }
        } catch (const sc_core::sc_unwind_exception&) {
            throw;
        } catch (...) {
            failure_ = failure_ ? failure_ : std::current_exception();
        }
        if (--busy_ == 0) {
            drained_.notify(sc_core::SC_ZERO_TIME);
        }
    }
}

void CnnTrafficReplayer::perform(Worker& worker, const TrafficAccess& access) {
    tlm::tlm_generic_payload& payload = *worker.payload;
    worker.attribution.layer = access.layer;
    if (config_.keep_data && access.is_write()) {
        fill(worker.data.data(), access);
    }
    payload.set_command(access.is_write() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(access.address);
    payload.set_data_length(access.bytes);
    payload.set_streaming_width(access.bytes);
    payload.set_dmi_allowed(false);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    const Picoseconds begin = core::now();
    sc_core::sc_time delay;
    memory->b_transport(payload, delay);
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
    }
    if (!payload.is_response_ok()) {
        throw core::SimulationError(fmt::format("{}: layer '{}': {} of {} bytes at {:#x} failed: {}", name(),
                                                traffic_.layer_name(access.layer), to_string(access.kind),
                                                access.bytes, access.address, payload.get_response_string()));
    }
    if (config_.keep_data && !access.is_write()) {
        verify(worker.data.data(), access);
    }
    const Picoseconds latency = core::now() - begin;
    ++present_.accesses;
    present_.traffic[access.kind] += access.bytes;
    present_.latency_sum += latency;
    present_.max_latency = std::max(present_.max_latency, latency);
}

// ---- data

/// Number of the pattern that lies where the access goes, and which of its bytes comes first.
std::uint32_t CnnTrafficReplayer::pattern_of(const TrafficAccess& access, std::uint64_t& first) const {
    if (access.kind == AccessKind::weight_read) {
        first = access.address - traffic_.weights_of(access.layer).base;
        return weight_patterns + access.layer;
    }
    const int tensor = traffic_.tensor_of(access.layer, access.kind);
    first = access.address - traffic_.tensor(tensor).region.base;
    return static_cast<std::uint32_t>(tensor + 1);
}

void CnnTrafficReplayer::fill(unsigned char* data, const TrafficAccess& access) const {
    std::uint64_t first = 0;
    const std::uint32_t pattern = pattern_of(access, first);
    fill_pattern(data, access.bytes, pattern, first);
}

void CnnTrafficReplayer::verify(const unsigned char* data, const TrafficAccess& access) const {
    std::uint64_t first = 0;
    const std::uint32_t pattern = pattern_of(access, first);
    for (std::uint32_t i = 0; i < access.bytes; ++i) {
        const unsigned found = data[i];
        const unsigned expected = pattern_byte(pattern, first + i);
        if (found != expected) {
            const int tensor = traffic_.tensor_of(access.layer, access.kind);
            const std::string writer =
                access.kind == AccessKind::weight_read ? "what was loaded"
                : tensor == core::network_input
                    ? "the network's input"
                    : fmt::format("what layer '{}' wrote",
                                  traffic_.layer_name(static_cast<std::size_t>(tensor)));
            throw core::SimulationError(
                fmt::format("{}: layer '{}': {} at {:#x}: found {:#04x}, expected {:#04x}, {}", name(),
                            traffic_.layer_name(access.layer), to_string(access.kind), access.address + i,
                            found, expected, writer));
        }
    }
}

/// Weights and the network's input are there before anything begins.
void CnnTrafficReplayer::load() {
    if (!config_.keep_data) {
        return;
    }
    for (std::size_t layer = 0; layer < traffic_.layers(); ++layer) {
        load_region(traffic_.weights_of(layer), weight_patterns + static_cast<std::uint32_t>(layer));
    }
    load_region(traffic_.tensor(core::network_input).region, 0);
}

void CnnTrafficReplayer::load_region(const TrafficRegion& region, std::uint32_t pattern) {
    constexpr std::uint64_t largest = 65536;
    std::vector<unsigned char> data(std::min(largest, region.bytes));
    for (std::uint64_t done = 0; done < region.bytes; done += data.size()) {
        const auto bytes = static_cast<unsigned>(std::min<std::uint64_t>(data.size(), region.bytes - done));
        fill_pattern(data.data(), bytes, pattern, done);
        core::PooledPayload payload(payloads_);
        payload->set_command(tlm::TLM_WRITE_COMMAND);
        payload->set_address(region.base + done);
        payload->set_data_ptr(data.data());
        payload->set_data_length(bytes);
        payload->set_streaming_width(bytes);
        const unsigned written = memory->transport_dbg(*payload);
        if (written != bytes) {
            throw core::SimulationError(
                fmt::format("{}: memory took {} of {} bytes at {:#x} by debug transport", name(), written,
                            bytes, region.base + done));
        }
        loaded_bytes_ += bytes;
    }
}

} // namespace hydravp::workloads
