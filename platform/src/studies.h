// SPDX-License-Identifier: Apache-2.0
// The papers whose figures `hydravp reproduce` compares with.
#pragma once

#include "hydravp/platform/reproduction.h"

namespace hydravp::platform {

/// Das, Joshi, Kapoor: "Hydra: A near hybrid memory accelerator for CNN inference".
Study hydra_study();

} // namespace hydravp::platform
