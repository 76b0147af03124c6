// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/host.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/modules/cache.h"

#include <fmt/format.h>

#include <algorithm>

namespace hydravp::modules {

Host::Host(const sc_core::sc_module_name& name, const HostConfig& config)
    : sc_core::sc_module(name), config_(config) {
    SC_HAS_PROCESS(Host);
    SC_THREAD(run);
    set_stack_size(std::size_t{1} << 20); // the program is native code with the stack needs of native code
}

void Host::run() {
    try {
        if (program_) {
            program_(*this);
        }
    } catch (const sc_core::sc_unwind_exception&) {
        throw;
    } catch (...) {
        failure_ = std::current_exception();
    }
    finished_ = true;
    finished_event_.notify(sc_core::SC_ZERO_TIME);
}

void Host::rethrow() const {
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

void Host::write(std::uint64_t address, const void* data, std::uint32_t bytes) {
    transact(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data), bytes);
}

void Host::read(std::uint64_t address, void* data, std::uint32_t bytes) {
    transact(tlm::TLM_READ_COMMAND, address, data, bytes);
}

std::uint64_t Host::read64(std::uint64_t address) {
    std::uint64_t value = 0;
    read(address, &value, 8);
    return value;
}

void Host::transact(tlm::tlm_command command, std::uint64_t address, void* data, std::uint32_t bytes) {
    core::PooledPayload payload(payloads_);
    payload->set_command(command);
    payload->set_address(address);
    payload->set_data_ptr(static_cast<unsigned char*>(data));
    payload->set_data_length(bytes);
    payload->set_streaming_width(bytes);
    payload->set_extension(&attribution_);
    sc_core::sc_time delay = core::to_sc_time(config_.clock_period); // the store leaves the core
    bus->b_transport(*payload, delay);
    payload->clear_extension(&attribution_);
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
    }
    if (payload->is_response_error()) {
        throw core::SimulationError(fmt::format("{}: {} of {} bytes at {:#x} failed: {}", name(),
                                                command == tlm::TLM_READ_COMMAND ? "read" : "write", bytes,
                                                address, payload->get_response_string()));
    }
}

bool Host::wait_interrupt(core::Picoseconds timeout) {
    const core::Picoseconds begin = core::now();
    while (!interrupt.read()) {
        const core::Picoseconds waited = core::now() - begin;
        if (waited >= timeout) {
            return false;
        }
        wait(core::to_sc_time(timeout - waited), interrupt.value_changed_event());
    }
    return true;
}

void Host::wait_interrupt_cleared() {
    while (interrupt.read()) {
        wait(interrupt.value_changed_event());
    }
}

void Host::flush(std::uint64_t address, std::uint64_t bytes) {
    maintain(true, address, bytes);
}

void Host::invalidate(std::uint64_t address, std::uint64_t bytes) {
    maintain(false, address, bytes);
}

void Host::maintain(bool write_back, std::uint64_t address, std::uint64_t bytes) {
    if (cache_ == nullptr) {
        return;
    }
    sc_core::sc_time delay;
    const bool ok = write_back ? cache_->flush(address, bytes, delay, attribution_.layer)
                               : cache_->invalidate(address, bytes, delay, attribution_.layer);
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
    }
    if (!ok) {
        throw core::SimulationError(
            fmt::format("{}: memory refused a line that was written back from {} bytes at "
                        "{:#x}",
                        name(), bytes, address));
    }
}

void Host::debug_write(std::uint64_t address, const void* data, std::uint64_t bytes) {
    debug(tlm::TLM_WRITE_COMMAND, address, static_cast<unsigned char*>(const_cast<void*>(data)), bytes);
}

void Host::debug_read(std::uint64_t address, void* data, std::uint64_t bytes) {
    debug(tlm::TLM_READ_COMMAND, address, static_cast<unsigned char*>(data), bytes);
}

void Host::debug(tlm::tlm_command command, std::uint64_t address, unsigned char* data, std::uint64_t bytes) {
    while (bytes > 0) {
        const auto piece = static_cast<unsigned>(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 30));
        core::PooledPayload payload(payloads_);
        payload->set_command(command);
        payload->set_address(address);
        payload->set_data_ptr(data);
        payload->set_data_length(piece);
        payload->set_streaming_width(piece);
        const unsigned done = bus->transport_dbg(*payload);
        if (done != piece) {
            throw core::SimulationError(fmt::format("{}: debug access of {} bytes at {:#x} reached only {}",
                                                    name(), piece, address, done));
        }
        address += piece;
        data += piece;
        bytes -= piece;
    }
}

} // namespace hydravp::modules
