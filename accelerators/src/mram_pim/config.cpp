// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/config.h"

#include "hydravp/accelerators/mram_pim/adder.h"

namespace hydravp::accelerators::mram_pim {

core::MramBankShape bank_shape(const MramPimConfig& config) {
    core::MramBankShape shape;
    shape.compute_subarrays = config.subarrays - config.tensor_subarrays;
    shape.ports = config.ports;
    shape.parallel_mapping = config.mapping_write == MappingWrite::parallel;
    shape.sense_time = config.technology.sense_time;
    shape.write_time = config.technology.write_time;
    shape.bit_addition_time = add_events(config.sense_amplifier, 1).time(config.technology);
    shape.htree_read = config.technology.htree_read;
    shape.htree_write = config.technology.htree_write;
    shape.dpu_lanes = config.dpu.lanes;
    shape.dpu_clock = config.dpu.clock_period;
    return shape;
}

} // namespace hydravp::accelerators::mram_pim
