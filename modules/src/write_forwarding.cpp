// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/write_forwarding.h"

#include <algorithm>

namespace hydravp::modules {

const QueuedRun* forwarding_write(const RequestQueue& queue, const QueuedRun& read) {
    const QueuedRun* youngest = nullptr;
    for (const QueuedRun* write = queue.first(read.slot, true); write != nullptr;
         write = write->in_slot.after) {
        const bool touches = write->chip_local
                                 ? RequestQueue::conflict(*write, read)
                                 : write->row == read.row && write->row_byte < read.row_byte + read.length &&
                                       read.row_byte < write->row_byte + write->length;
        if (touches && (youngest == nullptr || write->order > youngest->order)) {
            youngest = write;
        }
    }
    const bool covers = youngest != nullptr && !youngest->chip_local && youngest->row_byte <= read.row_byte &&
                        read.row_byte + read.length <= youngest->row_byte + youngest->length;
    return covers ? youngest : nullptr;
}

bool enables_cover(const ForwardedBytes& write, const ForwardedBytes& read, std::uint64_t bytes) {
    if (write.enables.pattern == nullptr) {
        return true;
    }
    for (std::uint64_t i = 0; i < bytes; ++i) {
        if (read.enables[read.offset + i] && !write.enables[write.offset + i]) {
            return false;
        }
    }
    return true;
}

void copy_forwarded(const ForwardedBytes& write, const ForwardedBytes& read, std::uint64_t bytes) {
    if (read.data == nullptr) {
        return;
    }
    const unsigned char* const from = write.data + write.offset;
    unsigned char* const to = read.data + read.offset;
    if (read.enables.pattern == nullptr) {
        std::copy_n(from, bytes, to);
        return;
    }
    for (std::uint64_t i = 0; i < bytes; ++i) {
        if (read.enables[read.offset + i]) {
            to[i] = from[i];
        }
    }
}

} // namespace hydravp::modules
