// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hwy/highway.h>
#include <hwy/targets.h>

namespace hydravp::test {

/// Calls check(name) once for each instruction set that this machine has and the kernels are compiled for,
/// with all of them using it.
template <class Check>
void for_each_instruction_set(Check check) {
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::GetChosenTarget().Update(target);
        check(hwy::TargetName(target));
    }
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

} // namespace hydravp::test
