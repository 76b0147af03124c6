// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/payload_pool.h"
#include "hydravp/modules/cache_tags.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/line_locks.h"

#include <systemc>
#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

namespace hydravp::modules {

/// What a private cache asks of the shared one below it, beyond the base protocol.
class CacheRequest : public tlm::tlm_extension<CacheRequest> {
public:
    enum class Kind {
        fetch,     ///< a read of a whole line
        upgrade,   ///< TLM_IGNORE_COMMAND: the line is there already, to be written now
        write_back ///< a write of a whole line that leaves the private cache
    } kind = Kind::fetch;
    std::size_t child = 0;  ///< who asks
    bool exclusive = false; ///< in: it is to be written; out: no other cache holds it

    tlm_extension_base* clone() const override { return new CacheRequest(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const CacheRequest&>(other);
    }
};

/// A set-associative cache: LRU, write-back, write-allocate, with real data.
///
/// `upstream` takes base-protocol accesses of any size, alignment, streaming width and byte enables and cuts
/// them at lines; lines travel over `downstream` as transactions. A failed fetch is the response of the
/// access. Addresses in `CacheConfig::uncached` and what is no plain read or write go through untouched, in
/// no time. A lookup takes the hit latency; the lines of one access are looked up one after the other and
/// fetched side by side. Evicted dirty lines are posted into a write buffer, whose threads send them; one
/// that memory refuses is lost, with a warning. Debug accesses see and change what is cached.
///
/// Alone, a cache is coherent with nobody. With `attach()` private caches and a shared one below them become
/// a coherence domain: the shared cache holds every line that a private one holds (inclusive), knows which do
/// and which of them may have written (MESI states, a directory), and takes lines back or invalidates them
/// where another access wants them. Everybody else, such as the near-memory units, is outside: software
/// calls `flush()` before and `invalidate()` after them.
///
/// LT only; an access may wait, so it needs a thread. Every line of memory that is cached must exist as a
/// whole. Not modelled: ports and banks (an access keeps nobody else from a lookup), prefetching, more than
/// two levels, energy.
class Cache : public sc_core::sc_module {
public:
    tlm_utils::multi_passthrough_target_socket<Cache, 32, tlm::tlm_base_protocol_types, 0,
                                               sc_core::SC_ZERO_OR_MORE_BOUND>
        upstream{"upstream"};
    tlm_utils::simple_initiator_socket<Cache> downstream{"downstream"};

    /// @param account begins the names of its counters: ACCOUNT_hits, _misses, _writebacks, _snooped
    Cache(const sc_core::sc_module_name& name, const CacheConfig& config, const std::string& account);

    /// Makes `child`, whose `downstream` is bound to this cache's `upstream`, one of its private caches.
    void attach(Cache& child);

    /// Writes back and drops every line of [address, address + bytes), in the whole coherence domain. The
    /// time is in `delay`: a lookup for each line that was there, and until memory has taken the last one.
    /// Nobody should access the range meanwhile. False if memory refused a line.
    bool flush(std::uint64_t address, std::uint64_t bytes, sc_core::sc_time& delay,
               core::LayerId layer = core::no_layer);
    /// Drops every line that lies wholly in the range without writing it back; flushes the others.
    bool invalidate(std::uint64_t address, std::uint64_t bytes, sc_core::sc_time& delay,
                    core::LayerId layer = core::no_layer);

    const core::Meter& meter() const { return meter_; }

private:
    /// Part of an access, within one line.
    struct Piece {
        bool write;
        std::uint64_t address;
        unsigned char* data;
        std::uint64_t bytes;
        const unsigned char* enables; ///< null: all
        std::size_t enable_bytes, enable_offset;
        core::LayerId layer;
        bool enabled(std::uint64_t i) const {
            return enables == nullptr || enables[(enable_offset + i) % enable_bytes] != 0;
        }
    };
    /// A dirty line on its way to memory.
    struct Buffered {
        std::uint64_t address;
        std::vector<unsigned char> data;
        core::LayerId layer;
        core::Picoseconds at; ///< when it was evicted
        bool taken, sent;
    };

    void end_of_elaboration() override;
    void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned transport_dbg(int id, tlm::tlm_generic_payload& payload);

    const AddressRange* uncached_range(std::uint64_t address) const;
    bool is_cached(const tlm::tlm_generic_payload& payload) const;
    tlm::tlm_response_status pass_on(const Piece& piece, core::Picoseconds& at);
    tlm::tlm_response_status access(const Piece& piece, core::Picoseconds& at);
    tlm::tlm_response_status serve_child(tlm::tlm_generic_payload& payload, CacheRequest& request,
                                         core::Picoseconds& at);

    tlm::tlm_response_status fetch(std::uint64_t line, bool exclusive, core::LayerId layer,
                                   core::Picoseconds& at, std::size_t& way);
    tlm::tlm_response_status send(tlm::tlm_command command, std::uint64_t line, unsigned char* data,
                                  core::LayerId layer, CacheRequest* request, core::Picoseconds& at);
    void evict(std::size_t way, core::LayerId layer, core::Picoseconds& at);
    std::size_t take_miss_slot(core::Picoseconds& at);
    void buffer(std::size_t way, core::LayerId layer, core::Picoseconds at);
    void drain();

    bool take_over(std::size_t way, int child, bool exclusive, core::Picoseconds& at);
    void take_back(std::size_t way, core::Picoseconds& at);
    bool snoop(std::uint64_t line, bool keep, unsigned char* data, bool& dirty, core::Picoseconds& ready);
    std::vector<std::uint64_t> cached_lines(std::uint64_t first, std::uint64_t last) const;
    bool is_buffered(std::uint64_t first, std::uint64_t last) const;
    void overlay(std::uint64_t address, unsigned char* data, std::uint64_t bytes, bool write);

    unsigned char* data_of(std::size_t way) { return data_.data() + way * tags_.line_bytes(); }
    LineLocks& locks() { return parent_ != nullptr ? parent_->own_locks_ : own_locks_; }

    CacheConfig config_;
    CacheTags tags_;
    std::vector<unsigned char> data_;
    Cache* parent_ = nullptr;
    std::size_t child_number_ = 0;
    std::vector<Cache*> children_;
    LineLocks own_locks_;
    std::vector<core::Picoseconds> miss_slots_; ///< when each is free again; `max`: not known yet
    std::list<Buffered> write_buffer_;
    std::size_t refused_ = 0; ///< lines that memory did not take
    sc_core::sc_event slot_free_, buffered_, drained_;
    core::PayloadPool payloads_;
    core::Meter meter_{"meter"};
    core::Meter::Account hits_, misses_, writebacks_, snooped_;
};

} // namespace hydravp::modules
