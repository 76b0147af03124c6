// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/row_program.h"

#include <cstddef>
#include <cstdint>

namespace hydravp::accelerators::mram_pim {

/// Executes steps on the rows of one sub-array, with the best instruction set of this machine.
void run_steps(const BitStep* steps, std::size_t count, BitRow* rows);

} // namespace hydravp::accelerators::mram_pim
