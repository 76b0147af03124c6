// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/output_buffer.h"

#include <algorithm>
#include <cstring>

namespace hydravp::accelerators::hydra {

std::optional<core::Picoseconds> OutputBuffer::free_time() const {
    const Half& next = halves_[(front_ + waiting_) % 2];
    return waiting_ == 2 || next.full ? std::nullopt : std::optional<core::Picoseconds>(next.free_from);
}

void OutputBuffer::commit(const std::int64_t* sums, const PassLayout& layout, std::uint32_t outputs,
                          std::uint32_t bits, std::uint32_t shift) {
    Half& half = halves_[(front_ + waiting_) % 2];
    const std::uint32_t word_bytes = bits / 8;
    half.bytes = outputs * word_bytes;
    half.full = true;
    ++waiting_;
    if (!keep_data_ || sums == nullptr) {
        return;
    }
    half.data.resize(half.bytes + pack_margin_sums * word_bytes + 8);
    pack_sums(sums, layout, bits, shift, half.data.data());
}

void OutputBuffer::read_front(std::uint64_t offset, std::uint32_t count, unsigned char* to) const {
    const Half& half = halves_[front_];
    const std::uint64_t end = std::min<std::uint64_t>(half.bytes, offset + count);
    const auto valid = static_cast<std::uint32_t>(end > offset ? end - offset : 0);
    if (keep_data_ && valid > 0) {
        std::memcpy(to, half.data.data() + offset, valid);
        std::memset(to + valid, 0, count - valid);
    } else {
        std::memset(to, 0, count);
    }
}

void OutputBuffer::release_front(core::Picoseconds time) {
    Half& half = halves_[front_];
    half.full = false;
    half.free_from = time;
    front_ = (front_ + 1) % 2;
    --waiting_;
}

} // namespace hydravp::accelerators::hydra
