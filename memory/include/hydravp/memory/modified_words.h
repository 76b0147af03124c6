// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"

#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// The 16-bit words of an open row that have been written since it was opened. A word that was written only
/// in part counts.
class ModifiedWords {
public:
    explicit ModifiedWords(std::uint32_t row_bytes) : bits_((row_bytes / 2 + 63) / 64, 0) {}

    void mark(std::uint32_t first_byte, std::uint32_t bytes, core::LayerId writer);
    std::uint32_t count() const { return count_; }
    core::LayerId last_writer() const { return last_writer_; }
    /// Bit i of block n is word 64 n + i.
    const std::vector<std::uint64_t>& bits() const { return bits_; }
    void clear();

private:
    std::vector<std::uint64_t> bits_;
    std::uint32_t count_ = 0;
    core::LayerId last_writer_ = core::no_layer;
};

} // namespace hydravp::memory
