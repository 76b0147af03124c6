// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_batches.h"

#include "hydravp/modules/request_queue.h"

namespace hydravp::modules {

void RequestBatches::form(bool write, QueuedRun* first) {
    if (first == nullptr) {
        return;
    }
    of_initiator_.fill(0);
    for (QueuedRun* run = first; run != nullptr; run = run->in_slot.after) {
        if (run->blockers == 0 && of_initiator_[run->initiator] < cap_) {
            ++of_initiator_[run->initiator];
            ++marked_[write];
            run->marked = true;
        }
    }
}

void RequestBatches::unmark(QueuedRun& run) {
    marked_[run.write] -= run.marked ? 1 : 0;
    run.marked = false;
}

} // namespace hydravp::modules
