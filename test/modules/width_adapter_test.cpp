// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/width_adapter.h"

#include "hydravp/core/payload_pool.h"
#include "hydravp/core/time.h"
#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"

#include "memory_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace hydravp;
using namespace hydravp::test;

namespace {

/// A 64-bit core.
class Core : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Core, 64> socket{"socket"};
    std::vector<tlm::tlm_phase> phases; ///< on the backward path
    std::vector<std::pair<sc_dt::uint64, sc_dt::uint64>> invalidated;

    explicit Core(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_nb_transport_bw(this, &Core::backward);
        socket.register_invalidate_direct_mem_ptr(this, &Core::invalidate);
    }

private:
    tlm::tlm_sync_enum backward(tlm::tlm_generic_payload&, tlm::tlm_phase& phase, sc_core::sc_time&) {
        phases.push_back(phase);
        return phase == tlm::BEGIN_RESP ? tlm::TLM_COMPLETED : tlm::TLM_ACCEPTED;
    }
    void invalidate(sc_dt::uint64 begin, sc_dt::uint64 end) { invalidated.emplace_back(begin, end); }
};

void fill(tlm::tlm_generic_payload& payload, tlm::tlm_command command, std::uint64_t address,
          std::vector<unsigned char>& data) {
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    payload.set_streaming_width(static_cast<unsigned>(data.size()));
}

} // namespace

TEST_CASE("a 64-bit core reaches a memory with 32-bit sockets, with its latencies") {
    Core cpu("cpu");
    core::WidthAdapter<64> adapter("adapter");
    modules::ChannelController controller("controller", {}, dram(), geometry(1));
    memory::Channel channel("channel", dram(), geometry(1), "mem", "data_bus");
    cpu.socket.bind(adapter.front);
    adapter.back.bind(controller.front);
    controller.channel.bind(channel.commands);
    core::PayloadPool pool;
    run_in_thread([&] {
        std::vector<unsigned char> written(64, 0x5A);
        std::vector<unsigned char> read(64);
        tlm::tlm_generic_payload payload;
        fill(payload, tlm::TLM_WRITE_COMMAND, 0, written);
        sc_core::sc_time delay;
        cpu.socket->b_transport(payload, delay);
        REQUIRE(payload.is_response_ok());
        REQUIRE(core::now() + core::from_sc_time(delay) == clocks(5 + 4 + 4));
        fill(payload, tlm::TLM_READ_COMMAND, 0, read);
        REQUIRE(cpu.socket->transport_dbg(payload) == 64);
        REQUIRE(read == written);
        tlm::tlm_dmi dmi;
        REQUIRE_FALSE(cpu.socket->get_direct_mem_ptr(payload, dmi));

        std::fill(read.begin(), read.end(), 0);
        wait_until(clocks(100));
        tlm::tlm_generic_payload& request = pool.allocate();
        fill(request, tlm::TLM_READ_COMMAND, 0, read);
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        delay = sc_core::SC_ZERO_TIME;
        REQUIRE(cpu.socket->nb_transport_fw(request, phase, delay) == tlm::TLM_UPDATED);
        REQUIRE(phase == tlm::END_REQ);
        wait_until(clocks(100 + 5 + 4) - Picoseconds{1}); // the row is open
        REQUIRE(cpu.phases.empty());
        wait_until(clocks(100 + 5 + 4) + Picoseconds{1});
        REQUIRE(cpu.phases == std::vector<tlm::tlm_phase>{tlm::BEGIN_RESP});
        REQUIRE(read == written);
        request.release();

        controller.front->invalidate_direct_mem_ptr(16, 31);
        REQUIRE(cpu.invalidated == std::vector<std::pair<sc_dt::uint64, sc_dt::uint64>>{{16, 31}});
    });
}
