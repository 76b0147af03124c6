// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"

#include <tlm>

namespace hydravp::core {

/// Says on whose behalf a transaction of the host travels, so that every module on its way charges the right
/// layer. Optional and ignorable: a payload without it belongs to no layer.
class Attribution : public tlm::tlm_extension<Attribution> {
public:
    LayerId layer = no_layer;

    static LayerId layer_of(const tlm::tlm_generic_payload& payload) {
        const auto* attribution = payload.get_extension<Attribution>();
        return attribution == nullptr ? no_layer : attribution->layer;
    }

    tlm_extension_base* clone() const override { return new Attribution(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const Attribution&>(other);
    }
};

} // namespace hydravp::core
