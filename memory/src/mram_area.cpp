// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_area.h"

#include "hydravp/memory/mram_subarray.h"

namespace hydravp::memory {
namespace {

struct Parts {
    std::uint32_t sub_sas, branches, xor_gates, enable_bits;
};

/// Beyond the one sub-SA and the one reference of a plain memory.
constexpr Parts parts_of(SenseAmplifierKind kind) {
    return kind == SenseAmplifierKind::sa1 ? Parts{1, 3, 2, 4} : Parts{2, 5, 0, 6};
}

} // namespace

core::Area MramAreaOverhead::total() const {
    return {sense_amplifiers.mm2 + row_decoder.mm2 + control.mm2};
}

std::uint32_t added_transistors(const MramAreaModel& model, SenseAmplifierKind kind) {
    const Parts parts = parts_of(kind);
    const std::uint32_t sum = kind == SenseAmplifierKind::sa2 ? model.pass + model.output_logic : 0;
    return parts.sub_sas * model.sub_sa + parts.branches * model.branch + parts.xor_gates * model.xor_gate +
           model.latch + sum;
}

MramAreaOverhead area_overhead(const MramAreaModel& model, SenseAmplifierKind kind, std::uint32_t subarrays) {
    const auto area = [&](std::size_t transistors_per_subarray) {
        return model.transistor * (static_cast<double>(transistors_per_subarray) * subarrays);
    };
    return {area(BitRow::columns * added_transistors(model, kind)), area(MramCells::rows * model.word_line),
            area(std::size_t{parts_of(kind).enable_bits} * model.enable_bit)};
}

} // namespace hydravp::memory
