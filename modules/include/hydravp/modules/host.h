// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/attribution.h"
#include "hydravp/core/payload_pool.h"
#include "hydravp/modules/config.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <exception>
#include <functional>

namespace hydravp::modules {

class Cache;

/// The host processor, seen from its bus: runs a program in native code whose loads and stores are
/// transactions.
///
/// The program runs in a thread of its own once the simulation starts; what it throws is kept for
/// `rethrow()`. Its caches are modules of their own, at `bus`. Not modelled here: instruction execution.
class Host : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Host> bus{"bus"};
    sc_core::sc_in<bool> interrupt{"interrupt"};

    Host(const sc_core::sc_module_name& name, const HostConfig& config);

    const HostConfig& config() const { return config_; }
    /// The program; set before the simulation starts.
    void set_program(std::function<void(Host&)> program) { program_ = std::move(program); }
    bool finished() const { return finished_; }
    const sc_core::sc_event& finished_event() const { return finished_event_; }
    /// Throws what the program threw, if it did.
    void rethrow() const;

    // What the program may do; each returns when it is done. Errors responses throw core::SimulationError.
    void write(std::uint64_t address, const void* data, std::uint32_t bytes);
    void write64(std::uint64_t address, std::uint64_t value) { write(address, &value, 8); }
    void read(std::uint64_t address, void* data, std::uint32_t bytes);
    std::uint64_t read64(std::uint64_t address);
    /// Waits for the interrupt line to be high; false if it is not within `timeout`.
    bool wait_interrupt(core::Picoseconds timeout);
    /// Waits for the interrupt line to be low again (after an acknowledge).
    void wait_interrupt_cleared();
    /// The private cache of this core, bound to `bus`; set before the simulation starts. Without one, flush
    /// and invalidate have nothing to do.
    void set_cache(Cache& cache) { cache_ = &cache; }
    /// Writes back and drops what any core has cached of [address, address + bytes).
    void flush(std::uint64_t address, std::uint64_t bytes);
    /// Drops it without writing back, except for lines of which only a part lies in the range.
    void invalidate(std::uint64_t address, std::uint64_t bytes);
    /// Untimed accesses.
    void debug_write(std::uint64_t address, const void* data, std::uint64_t bytes);
    void debug_read(std::uint64_t address, void* data, std::uint64_t bytes);
    /// Layer on whose behalf the following transactions travel.
    void attribute_to(core::LayerId layer) { attribution_.layer = layer; }

private:
    void run();
    void maintain(bool write_back, std::uint64_t address, std::uint64_t bytes);
    void transact(tlm::tlm_command command, std::uint64_t address, void* data, std::uint32_t bytes);
    void debug(tlm::tlm_command command, std::uint64_t address, unsigned char* data, std::uint64_t bytes);

    HostConfig config_;
    std::function<void(Host&)> program_;
    Cache* cache_ = nullptr;
    std::exception_ptr failure_;
    bool finished_ = false;
    sc_core::sc_event finished_event_;
    core::PayloadPool payloads_;
    core::Attribution attribution_;
};

} // namespace hydravp::modules
