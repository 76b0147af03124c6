// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/system_bus.h"

#include "hydravp/core/time.h"

#include <stdexcept>
#include <utility>

namespace hydravp::modules {

SystemBus::SystemBus(const sc_core::sc_module_name& name, const SystemBusConfig& config)
    : sc_core::sc_module(name), config_(config) {
    initiators.register_b_transport(this, &SystemBus::b_transport);
    initiators.register_transport_dbg(this, &SystemBus::transport_dbg);
}

SystemBus::TargetPort& SystemBus::add_target(std::uint64_t base, std::uint64_t bytes) {
    for (const Target& other : targets_) {
        if (base >= other.base ? base - other.base < other.bytes : other.base - base < bytes) {
            throw std::invalid_argument("system bus: target address ranges overlap");
        }
    }
    simcontext()->hierarchy_push(this); // the port is the bus's, whoever asks for it
    auto port = std::make_unique<TargetPort>(sc_core::sc_gen_unique_name("target"));
    simcontext()->hierarchy_pop();
    targets_.push_back({base, bytes, std::move(port)});
    return *targets_.back().port;
}

SystemBus::Target* SystemBus::find(const tlm::tlm_generic_payload& payload) {
    const std::uint64_t address = payload.get_address();
    for (Target& target : targets_) {
        if (address >= target.base && address - target.base < target.bytes) {
            return &target;
        }
    }
    return nullptr;
}

void SystemBus::b_transport(int port, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    Target* target = find(payload);
    if (target == nullptr ||
        payload.get_data_length() > target->bytes - (payload.get_address() - target->base)) {
        ++rejected_accesses_;
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return;
    }
    const core::Picoseconds now = core::now();
    const core::Picoseconds duration = config_.bandwidth.time_for(payload.get_data_length());
    const core::Picoseconds end = wires_.occupy(now + core::from_sc_time(delay), duration);
    busy_.hold(end - duration, end, 1);
    delay = core::to_sc_time(end + config_.latency - now);
    if (payload.get_extension<core::InitiatorId>() != nullptr) {
        (*target->port)->b_transport(payload, delay);
        return;
    }
    while (ids_.size() <= static_cast<std::size_t>(port)) {
        ids_.emplace_back(static_cast<std::uint32_t>(ids_.size() + 1));
    }
    core::InitiatorId& id = ids_[static_cast<std::size_t>(port)];
    payload.set_extension(&id);
    (*target->port)->b_transport(payload, delay);
    payload.clear_extension(&id);
}

void SystemBus::trace(core::Tracer& tracer) {
    busy_ = tracer.wire(*this, "busy", 1);
}

unsigned SystemBus::transport_dbg(int, tlm::tlm_generic_payload& payload) {
    Target* target = find(payload);
    if (target == nullptr) {
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return 0;
    }
    return (*target->port)->transport_dbg(payload);
}

} // namespace hydravp::modules
