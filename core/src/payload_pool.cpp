// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/payload_pool.h"

namespace hydravp::core {

namespace {

/// A payload's destructor frees whatever extension it finds, so none may be left.
void drop_extensions(tlm::tlm_generic_payload& payload) {
    payload.set_gp_option(tlm::TLM_MIN_PAYLOAD);
    const unsigned extensions = tlm::max_num_extensions();
    unsigned first = 0;
    while (first < extensions && payload.get_extension(first) == nullptr) {
        ++first;
    }
    if (first == extensions) {
        return;
    }
    payload.reset(); // frees the automatic ones
    for (; first < extensions; ++first) {
        if (payload.get_extension(first) != nullptr) {
            payload.set_extension(first, nullptr);
        }
    }
}

} // namespace

PayloadPool::~PayloadPool() {
    for (const auto& payload : owned_) {
        drop_extensions(*payload);
    }
}

tlm::tlm_generic_payload& PayloadPool::allocate() {
    if (free_.empty()) {
        owned_.push_back(std::make_unique<tlm::tlm_generic_payload>(this));
        free_.push_back(owned_.back().get());
    }
    tlm::tlm_generic_payload& payload = *free_.back();
    free_.pop_back();
    payload.acquire();
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_byte_enable_length(0);
    payload.set_dmi_allowed(false);
    return payload;
}

void PayloadPool::free(tlm::tlm_generic_payload* payload) {
    drop_extensions(*payload);
    free_.push_back(payload);
}

} // namespace hydravp::core
