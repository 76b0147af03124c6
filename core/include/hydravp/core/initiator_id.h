// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm>

#include <cstdint>

namespace hydravp::core {

/// Who an access comes from, for a memory controller that treats initiators fairly and counts their accesses.
/// An ignorable extension: attached by the initiator itself, or by an interconnect that knows its ports; the
/// accesses without it are those of initiator 0.
class InitiatorId : public tlm::tlm_extension<InitiatorId> {
public:
    /// Initiators that are told apart. Those from the last one on are treated as one.
    static constexpr std::uint32_t most = 64;

    std::uint32_t id = 0;

    InitiatorId() = default;
    explicit InitiatorId(std::uint32_t initiator) : id(initiator) {}

    tlm_extension_base* clone() const override { return new InitiatorId(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const InitiatorId&>(other);
    }
};

/// The initiator of an access, below `InitiatorId::most`.
inline std::uint32_t initiator_of(const tlm::tlm_generic_payload& payload) {
    const auto* extension = payload.get_extension<InitiatorId>();
    if (extension == nullptr) {
        return 0;
    }
    return extension->id < InitiatorId::most ? extension->id : InitiatorId::most - 1;
}

} // namespace hydravp::core
