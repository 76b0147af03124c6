// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/initiator_id.h"

#include <array>
#include <cstdint>

namespace hydravp::modules {

struct QueuedRun;

/// The batches of parallelism-aware batch scheduling (Mutlu and Moscibroda, ISCA 2008), free of SystemC.
///
/// When no run of the batch is left, a new one is formed of the runs that wait: of each initiator and bank
/// the first `cap` by turn. Runs of the batch, which are marked, go before all others. What is marked has a
/// turn (of `burst_group` column commands at most); what is left of the run then waits for another batch.
/// Runs that must not overtake others are left out until those are served. Reads and writes have batches of
/// their own. The paper's ranking of initiators within a batch is not done.
class RequestBatches {
public:
    /// @param cap 0: no batches
    explicit RequestBatches(std::uint32_t cap) : cap_(cap) {}

    bool on() const { return cap_ > 0; }
    /// Runs of the batch that wait.
    std::uint32_t marked(bool write) const { return marked_[write]; }
    /// Forms the part of the batch of one bank. @param first of its runs in that direction, by turn
    void form(bool write, QueuedRun* first);
    /// The run has had its turn.
    void unmark(QueuedRun& run);

private:
    std::uint32_t cap_;
    std::array<std::uint32_t, 2> marked_{};
    std::array<std::uint32_t, core::InitiatorId::most> of_initiator_{}; ///< scratch
};

} // namespace hydravp::modules
