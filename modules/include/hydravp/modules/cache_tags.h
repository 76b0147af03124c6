// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// One way of a set: which line it holds and what is known of it.
struct CacheLine {
    std::uint64_t address = 0; ///< of the line's first byte
    std::uint64_t used = 0;    ///< grows with every use; the smallest of a set is the least recent
    std::uint64_t sharers = 0; ///< children that may hold it, bit per child
    int owner = -1;            ///< the child that may have modified it; -1: none
    core::Picoseconds ready{}; ///< when its fill is complete
    bool valid = false;
    bool reserved = false;  ///< taken for a line that is still on its way
    bool dirty = false;     ///< differs from what lies below
    bool exclusive = false; ///< no other cache of this level holds it: may be written
};

/// Tags and replacement of a set-associative cache with LRU; knows neither data nor time. Ways are addressed
/// by an index over the whole cache.
class CacheTags {
public:
    static constexpr std::size_t none = ~std::size_t{0};

    /// Throws std::invalid_argument unless the line is a power of two and the size a whole number of sets.
    CacheTags(std::uint64_t size_bytes, std::uint32_t ways, std::uint32_t line_bytes);

    std::uint64_t line_bytes() const { return line_bytes_; }
    std::uint64_t line_of(std::uint64_t address) const { return address & ~(line_bytes_ - 1); }
    std::size_t size() const { return lines_.size(); }
    bool empty() const { return occupied_ == 0; }
    CacheLine& operator[](std::size_t way) { return lines_[way]; }
    const CacheLine& operator[](std::size_t way) const { return lines_[way]; }

    /// The way that holds the line of this address, or `none`.
    std::size_t find(std::uint64_t address) const;
    /// The same, or the way that is reserved for it.
    std::size_t find_expected(std::uint64_t address) const;
    /// Makes the way the most recent of its set.
    void use(std::size_t way) { lines_[way].used = ++uses_; }

    /// Where a line may go: an empty way of its set, otherwise the least recently used one that `may_leave`
    /// lets go; `none` if there is none.
    template <class MayLeave>
    std::size_t victim(std::uint64_t address, MayLeave may_leave) const {
        const std::size_t first = set_of(address) * ways_;
        std::size_t oldest = none;
        for (std::size_t way = first; way < first + ways_; ++way) {
            const CacheLine& line = lines_[way];
            if (!line.valid && !line.reserved) {
                return way;
            }
            if (line.valid && (oldest == none || line.used < lines_[oldest].used) && may_leave(line)) {
                oldest = way;
            }
        }
        return oldest;
    }

    /// Empties a way and keeps it for the line of this address.
    void reserve(std::size_t way, std::uint64_t address);
    /// The reserved line has arrived.
    void fill(std::size_t way);
    /// Empties a way; also gives up a reservation.
    void invalidate(std::size_t way);

private:
    std::size_t set_of(std::uint64_t address) const { return address / line_bytes_ % sets_; }

    std::uint64_t line_bytes_;
    std::size_t ways_, sets_;
    std::uint64_t uses_ = 0;
    std::size_t occupied_ = 0; ///< valid or reserved
    std::vector<CacheLine> lines_;
};

} // namespace hydravp::modules
