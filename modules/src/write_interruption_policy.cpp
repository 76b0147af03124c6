// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/write_interruption_policy.h"

#include <algorithm>

namespace hydravp::modules {

using core::Picoseconds;
using memory::CommandKind;

namespace {

bool works(const ChannelControllerConfig& config, const memory::Technology& technology) {
    switch (config.write_interruption) {
    case WriteInterruption::none:
        return false;
    case WriteInterruption::pause:
        return technology.write_iterations > 1;
    case WriteInterruption::cancel:
        return technology.write_cancel_threshold > 0;
    }
    return false;
}

} // namespace

WriteInterruptionPolicy::WriteInterruptionPolicy(const ChannelControllerConfig& config,
                                                 const memory::Technology& technology, std::size_t slots)
    : starvation_limit_(config.starvation_limit),
      interruption_(config.write_interruption == WriteInterruption::cancel ? CommandKind::cancel_write
                                                                           : CommandKind::pause_write),
      writes_(works(config, technology) ? technology : memory::Technology{}, slots) {}

void WriteInterruptionPolicy::note(const memory::CommandExtension& command, std::size_t slot) {
    switch (command.kind) {
    case CommandKind::pause_write:
        writes_.pause(slot, command.issued);
        break;
    case CommandKind::cancel_write:
        writes_.cancel(slot, command.issued);
        break;
    case CommandKind::resume_write:
        writes_.resume(slot, command.issued);
        break;
    default:
        writes_.note(command, slot);
        break;
    }
}

Picoseconds WriteInterruptionPolicy::last_interruption(std::size_t slot, core::Row row) const {
    if (row == writes_.row(slot)) {
        return Picoseconds{-1};
    }
    const Picoseconds last =
        interruption_ == CommandKind::pause_write ? writes_.last_pause(slot) : writes_.last_cancel(slot);
    return std::min(last, patient_until(slot));
}

} // namespace hydravp::modules
