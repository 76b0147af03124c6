// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/weight_buffer.h"

#include <algorithm>
#include <cstring>

namespace hydravp::accelerators::hydra {

WeightBuffer::WeightBuffer(std::uint32_t capacity, bool keep_data)
    : capacity_(capacity), keep_data_(keep_data) {
    if (keep_data_) {
        data_.resize(2 * std::size_t{capacity_});
    }
}

bool WeightBuffer::append(const unsigned char* data, std::uint32_t count, core::Picoseconds ready) {
    if (count > space()) {
        return false;
    }
    if (keep_data_) {
        unsigned char* const bytes = data_.data();
        if (head_ + used_ + count > data_.size()) {
            std::memmove(bytes, bytes + head_, used_);
            head_ = 0;
        }
        if (data != nullptr) {
            std::memcpy(bytes + head_ + used_, data, count);
        } else {
            std::memset(bytes + head_ + used_, 0, count);
        }
    }
    used_ += count;
    arrivals_.push_back({count, ready});
    return true;
}

std::optional<core::Picoseconds> WeightBuffer::ready_time(std::uint32_t count) const {
    core::Picoseconds latest{0};
    for (const Arrival& arrival : arrivals_) {
        if (count == 0) {
            break;
        }
        latest = std::max(latest, arrival.ready);
        count -= std::min(count, arrival.bytes);
    }
    return count == 0 ? std::optional<core::Picoseconds>(latest) : std::nullopt;
}

const unsigned char* WeightBuffer::front() const {
    return keep_data_ ? data_.data() + head_ : nullptr;
}

void WeightBuffer::consume(std::uint32_t count) {
    count = std::min(count, used_);
    used_ -= count;
    head_ = used_ == 0 ? 0 : head_ + count;
    while (count > 0) {
        Arrival& arrival = arrivals_.front();
        const std::uint32_t part = std::min(count, arrival.bytes);
        arrival.bytes -= part;
        count -= part;
        if (arrival.bytes == 0) {
            arrivals_.pop_front();
        }
    }
}

} // namespace hydravp::accelerators::hydra
