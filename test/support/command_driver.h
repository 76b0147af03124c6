// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "memory_fixture.h"

#include <memory>
#include <string>
#include <vector>

namespace hydravp::test {

/// A channel whose commands the test gives itself, with units at the chips of rank 0 if asked for.
class CommandDriver : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<CommandDriver> out{"out"};
    memory::Channel channel;
    std::vector<std::unique_ptr<UnitStub>> units;
    memory::CommandExtension command; ///< of the last `issue`

    CommandDriver(const memory::Technology& technology, const memory::Geometry& shape,
                  unsigned units_in_rank_0 = 0, const sc_core::sc_module_name& name = "driver")
        : sc_core::sc_module(name), channel("channel", technology, shape, "mem", "data_bus") {
        out.bind(channel.commands);
        for (unsigned i = 0; i < units_in_rank_0; ++i) {
            units.push_back(std::make_unique<UnitStub>(("unit" + std::to_string(i)).c_str()));
            memory::Chip& chip = channel.chip(core::Rank{0}, core::Chip{i});
            chip.unit.bind(units.back()->registers);
            units.back()->banks.bind(chip.banks);
        }
    }

    tlm::tlm_response_status issue(const memory::CommandExtension& wanted, unsigned char* data = nullptr) {
        command = wanted;
        tlm::tlm_generic_payload payload;
        payload.set_extension(&command);
        payload.set_data_ptr(data);
        sc_core::sc_time delay;
        out->b_transport(payload, delay);
        payload.clear_extension(&command);
        reported = core::from_sc_time(delay);
        return payload.get_response_status();
    }
    unsigned debug(memory::CommandExtension wanted, tlm::tlm_command direction, unsigned char* data) {
        tlm::tlm_generic_payload payload;
        payload.set_extension(&wanted);
        payload.set_command(direction);
        payload.set_data_ptr(data);
        const unsigned moved = out->transport_dbg(payload);
        payload.clear_extension(&wanted);
        return moved;
    }

    Picoseconds reported{}; ///< delay of the last `issue`
};

inline memory::CommandExtension make(memory::CommandKind kind, std::uint32_t rank, std::uint32_t bank,
                                     std::uint32_t row = 0, std::uint32_t column = 0,
                                     std::uint32_t bytes = 0) {
    memory::CommandExtension c;
    c.kind = kind;
    c.rank = core::Rank{rank};
    c.bank = core::Bank{bank};
    c.row = core::Row{row};
    c.column = column;
    c.bytes = bytes;
    c.chip_stride = bytes;
    return c;
}

} // namespace hydravp::test
