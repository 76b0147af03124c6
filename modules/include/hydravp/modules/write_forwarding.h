// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/rank_data.h"
#include "hydravp/modules/request_queue.h"

#include <cstdint>

namespace hydravp::modules {

/// Read-after-write forwarding: which waiting write answers a read, free of SystemC.
///
/// One run has to hold the whole answer: the youngest of the waiting writes that touch bytes of the read's
/// run covers them all, and enables each byte that the read enables. A read of bytes of several writes, or of
/// some that no write touches, waits for the writes and goes to the channel, as do reads behind chip-local
/// writes.
///
/// @param read in the interleaved view, not in the queue
/// @return null if the read has to go to the channel
const QueuedRun* forwarding_write(const RequestQueue& queue, const QueuedRun& read);

/// Bytes of a request that a run, or a part of it, stands for.
struct ForwardedBytes {
    unsigned char* data = nullptr; ///< of the request; null: none
    ByteEnables enables;
    std::uint64_t offset = 0; ///< in the request
};
/// The write enables all bytes that the read enables.
bool enables_cover(const ForwardedBytes& write, const ForwardedBytes& read, std::uint64_t bytes);
/// Copies the bytes that the read enables; none if the read has no data.
void copy_forwarded(const ForwardedBytes& write, const ForwardedBytes& read, std::uint64_t bytes);

} // namespace hydravp::modules
