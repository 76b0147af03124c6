// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command.h"

namespace hydravp::memory {

const char* to_string(WriteCause cause) {
    switch (cause) {
    case WriteCause::activation:
        return "activation";
    case WriteCause::pool:
        return "pool";
    case WriteCause::partial_sum:
        return "partial_sum";
    case WriteCause::migration:
        return "migration";
    case WriteCause::host:
        return "host";
    }
    return "unknown";
}

} // namespace hydravp::memory
