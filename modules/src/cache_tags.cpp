// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/cache_tags.h"

#include <stdexcept>

namespace hydravp::modules {

CacheTags::CacheTags(std::uint64_t size_bytes, std::uint32_t ways, std::uint32_t line_bytes)
    : line_bytes_(line_bytes), ways_(ways) {
    if (line_bytes == 0 || (line_bytes & (line_bytes - 1)) != 0) {
        throw std::invalid_argument("cache: the line size must be a power of two");
    }
    const std::uint64_t set_bytes = std::uint64_t{ways} * line_bytes;
    if (ways == 0 || size_bytes == 0 || size_bytes % set_bytes != 0) {
        throw std::invalid_argument("cache: the size must be a whole number of sets");
    }
    sets_ = size_bytes / set_bytes;
    lines_.resize(sets_ * ways_);
}

std::size_t CacheTags::find(std::uint64_t address) const {
    const std::uint64_t line = line_of(address);
    const std::size_t first = set_of(address) * ways_;
    for (std::size_t way = first; way < first + ways_; ++way) {
        if (lines_[way].valid && lines_[way].address == line) {
            return way;
        }
    }
    return none;
}

std::size_t CacheTags::find_expected(std::uint64_t address) const {
    const std::uint64_t line = line_of(address);
    const std::size_t first = set_of(address) * ways_;
    for (std::size_t way = first; way < first + ways_; ++way) {
        if ((lines_[way].valid || lines_[way].reserved) && lines_[way].address == line) {
            return way;
        }
    }
    return none;
}

void CacheTags::reserve(std::size_t way, std::uint64_t address) {
    invalidate(way);
    lines_[way].address = line_of(address);
    lines_[way].reserved = true;
    ++occupied_;
}

void CacheTags::fill(std::size_t way) {
    lines_[way].reserved = false;
    lines_[way].valid = true;
    use(way);
}

void CacheTags::invalidate(std::size_t way) {
    occupied_ -= lines_[way].valid || lines_[way].reserved ? 1 : 0;
    lines_[way] = CacheLine{};
}

} // namespace hydravp::modules
