// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config_binder.h"

namespace hydravp::platform {

/// The keys of a memory, in a section `name` of the top level.
void memory_keys(ConfigBinder& b, const char* name, modules::MemoryConfig& memory);

} // namespace hydravp::platform
