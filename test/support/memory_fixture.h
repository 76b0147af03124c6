// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/time.h"
#include "hydravp/memory/channel.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::test {

using core::Picoseconds;

inline constexpr Picoseconds clock_period{2500};

inline Picoseconds clocks(std::int64_t n) {
    return n * clock_period;
}

/// The papers' DRAM, in clocks of 2.5 ns.
inline memory::Technology dram() {
    memory::Technology t;
    t.name = "dram";
    t.t_ck = clock_period;
    t.t_rcd = 5 * clock_period;
    t.t_cl = 5 * clock_period;
    t.t_wl = 4 * clock_period;
    t.t_ccd = 4 * clock_period;
    t.t_wr = 6 * clock_period;
    t.t_rtp = 3 * clock_period;
    t.t_rp = 5 * clock_period;
    t.t_ras = 16 * clock_period;
    t.t_rc = 22 * clock_period;
    t.t_rrd = 3 * clock_period;
    t.t_faw = 14 * clock_period;
    t.t_wtr = 3 * clock_period;
    t.t_rtrs = 1 * clock_period;
    t.array_read.pj = 1.17;
    t.array_write.pj = 0.39;
    t.buffer_read.pj = 0.93;
    t.buffer_write.pj = 1.02;
    t.background.watts = 0.05;
    t.refresh.pj = 69100;
    return t;
}

/// The same with refreshes.
inline memory::Technology refreshed_dram() {
    memory::Technology t = dram();
    t.t_refi = 3120 * clock_period;
    t.t_rfc = 104 * clock_period;
    return t;
}

/// The same with power-down and self-refresh.
inline memory::Technology sleepy_dram() {
    memory::Technology t = dram();
    t.t_cke = clocks(3);
    t.t_xp = clocks(4);
    t.t_xs = clocks(50);
    return t;
}

/// A technology with a clock that few of its times are multiples of.
inline memory::Technology with_odd_timings(memory::Technology t) {
    t.t_ck = Picoseconds{336};
    t.t_ccd = 3 * t.t_ck;
    t.t_wl = 9 * t.t_ck;
    t.t_cl = 2 * t.t_ck;
    t.t_rcd = Picoseconds{5001};
    t.t_faw = Picoseconds{40000};
    return t;
}

inline memory::Technology pcm() {
    memory::Technology t = dram();
    t.name = "pcm";
    t.t_rcd = 22 * clock_period;
    t.t_rp = 60 * clock_period;
    t.t_ras = 36 * clock_period;
    t.t_rc = 96 * clock_period;
    t.t_rrd = 2 * clock_period;
    t.t_rrd_pre = 11 * clock_period;
    t.t_faw = Picoseconds{0};
    t.array_read.pj = 2.47;
    t.array_write.pj = 16.82;
    t.refresh.pj = 0;
    return t;
}

/// A PCM whose array writes, 60 clocks, may pause after each 15, and be cancelled below 45.
inline memory::Technology interruptible_pcm() {
    memory::Technology t = pcm();
    t.write_iterations = 4;
    t.write_cancel_threshold = 0.75;
    return t;
}

/// Everything at once: what `transfers: ideal` makes of any technology.
inline memory::Technology ideal() {
    memory::Technology t = dram();
    t.t_ck = t.t_rcd = t.t_cl = t.t_wl = t.t_ccd = t.t_wr = t.t_rtp = t.t_rp = t.t_ras = t.t_rc = t.t_rrd =
        t.t_faw = t.t_wtr = t.t_rtrs = Picoseconds{0};
    return t;
}

inline memory::Geometry geometry(std::uint32_t ranks = 2, std::uint32_t rows = 64) {
    memory::Geometry g;
    g.ranks = ranks;
    g.rows = rows;
    return g;
}

/// A near-memory unit's side of one chip: registers which the channel reaches, and a way to the banks.
class UnitStub : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<UnitStub> registers{"registers"};
    tlm_utils::simple_initiator_socket<UnitStub> banks{"banks"};
    std::vector<unsigned char> memory = std::vector<unsigned char>(4096, 0);
    core::LayerId last_layer = core::no_layer;
    sc_core::sc_time last_delay;

    explicit UnitStub(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        registers.register_b_transport(this, &UnitStub::transport);
        registers.register_transport_dbg(this, &UnitStub::debug);
    }

    /// One access to the chip's banks; returns when the last data have crossed the internal bus.
    tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                                    std::uint32_t bytes, core::LayerId layer = core::no_layer,
                                    memory::WriteCause cause = memory::WriteCause::activation) {
        tlm::tlm_generic_payload payload;
        memory::UnitAccessExtension attribution;
        attribution.layer = layer;
        attribution.cause = cause;
        payload.set_extension(&attribution);
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data);
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        sc_core::sc_time delay;
        banks->b_transport(payload, delay);
        payload.clear_extension(&attribution);
        return payload.get_response_status();
    }

private:
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        memory::UnitAccessExtension* attribution = nullptr;
        payload.get_extension(attribution);
        last_layer = attribution->layer;
        last_delay = delay;
        const bool in_range = payload.get_address() + payload.get_data_length() <= memory.size();
        payload.set_response_status(in_range ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
        if (in_range && payload.get_data_ptr() != nullptr) {
            debug(payload);
        }
    }
    unsigned int debug(tlm::tlm_generic_payload& payload) {
        unsigned char* const here = memory.data() + payload.get_address();
        if (payload.is_write()) {
            std::copy_n(payload.get_data_ptr(), payload.get_data_length(), here);
        } else {
            std::copy_n(here, payload.get_data_length(), payload.get_data_ptr());
        }
        return payload.get_data_length();
    }
};

/// Sum of the accounts of that name over all meters.
inline double total(const std::string& account) {
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters()) {
        sum += meter->total(account);
    }
    return sum;
}

inline void wait_for(Picoseconds t) {
    sc_core::wait(core::to_sc_time(t));
}
inline void wait_until(Picoseconds t) {
    wait_for(t - core::now());
}

} // namespace hydravp::test
