// SPDX-License-Identifier: Apache-2.0
#include "memory_keys.h"

#include <string>

namespace hydravp::platform {
namespace {

using core::Picoseconds;

/// The shape of a channel: keys of the memory itself, and of its section `geometry`, where a technology
/// file has them.
void geometry(ConfigBinder& b, modules::MemoryConfig& memory) {
    memory::Geometry& g = memory.geometry;
    const auto shape = [&b](const ConfigKey& key) { b.also_in("geometry", key); };
    shape(b.power_of_two("ranks", g.ranks, "per channel"));
    shape(b.power_of_two("chips_per_rank", g.chips_per_rank, "in lockstep"));
    shape(b.power_of_two("banks", g.banks, "per rank"));
    shape(b.power_of_two("rows", g.rows, "per bank"));
    shape(b.size("row_size", g.row_bytes, "per chip"));
    shape(b.power_of_two("bank_groups", g.bank_groups, "of consecutive banks; 1: none").optional());
    shape(b.power_of_two("device_bits", g.device_bits, "data lines of a chip").optional());
    shape(b.power_of_two("burst_length", g.burst_length, "transfers of a column access").optional());
    shape(b.mapping("mapping", memory.address_mapping, "of addresses, of a memory used alone").optional());
}

void timing(ConfigBinder& b, memory::Technology& t) {
    const Picoseconds& ck = t.t_ck;
    b.clock("t_ck", t.t_ck, "command clock; one cy of the others");
    b.time("t_rcd", t.t_rcd, ck, "activate to column command");
    b.time("t_cl", t.t_cl, ck, "read command to first data");
    b.time("t_wl", t.t_wl, ck, "write command to first data");
    b.time("t_ccd", t.t_ccd, ck, "column command to column command");
    b.time("t_burst", t.t_burst, ck, "one burst on the data bus; 0: t_ccd").optional();
    b.time("t_wr", t.t_wr, ck, "last write data to precharge");
    b.time("t_rtp", t.t_rtp, ck, "read command to precharge");
    b.time("t_rp", t.t_rp, ck, "precharge to activate, same bank");
    b.time("t_ras", t.t_ras, ck, "activate to precharge, same bank");
    b.time("t_rc", t.t_rc, ck, "activate to activate, same bank");
    b.time("t_rrd", t.t_rrd, ck, "activate to activate, different banks");
    b.time("t_rrd_pre", t.t_rrd_pre, ck, "precharge to precharge, different banks; 0: no rule").optional();
    b.time("t_faw", t.t_faw, ck, "window of at most four activates; 0: no rule").optional();
    b.time("t_wtr", t.t_wtr, ck, "last write data to read command, same rank");
    b.time("t_ccd_l", t.t_ccd_l, ck, "t_ccd within a bank group; 0: t_ccd").optional();
    b.time("t_rrd_l", t.t_rrd_l, ck, "t_rrd within a bank group; 0: t_rrd").optional();
    b.time("t_wtr_l", t.t_wtr_l, ck, "t_wtr within a bank group; 0: t_wtr").optional();
    b.time("t_rtrs", t.t_rtrs, ck, "gap on the data bus when rank or direction changes");
    b.time("t_refi", t.t_refi, ck, "mean interval of refreshes; 0: no refresh").optional();
    b.time("t_rfc", t.t_rfc, ck, "refresh to activate").optional();
    b.time("t_rfc_pb", t.t_rfc_pb, ck, "refresh of one bank to activate; 0: all banks only").optional();
    b.time("t_cke", t.t_cke, ck, "shortest stay in power-down or self-refresh; 0: has neither").optional();
    b.time("t_xp", t.t_xp, ck, "end of power-down to first command").optional();
    b.time("t_xs", t.t_xs, ck, "end of self-refresh to first command").optional();
    b.count("write_iterations", t.write_iterations, "of an array write, which may pause between two")
        .optional();
    b.fraction("write_cancel_threshold", t.write_cancel_threshold,
               "of an array write, up to which it may be cancelled; 0: never")
        .optional();
}

/// Not kept, and so not written; the energies that derive from them are.
/// @param here the section
void currents(ConfigBinder& b, modules::MemoryConfig& memory, const std::string& here) {
    memory::DatasheetCurrents& i = b.currents_of(memory);
    b.section("currents", [&] {
        b.voltage("vdd", i.vdd, "supply").only_with = here;
        b.current("idd0", i.idd0, "a bank opened and closed every t_rc").only_with = here;
        b.current("idd2p", i.idd2p, "precharge power-down; default: as idd2n").optional();
        b.current("idd2n", i.idd2n, "precharge standby").only_with = here;
        b.current("idd3p", i.idd3p, "active power-down; default: as idd3n").optional();
        b.current("idd3n", i.idd3n, "active standby").only_with = here;
        b.current("idd4r", i.idd4r, "reads without a pause").only_with = here;
        b.current("idd4w", i.idd4w, "writes without a pause").only_with = here;
        b.current("idd5", i.idd5, "during t_rfc").optional();
        b.current("idd5_pb", i.idd5_pb, "during t_rfc_pb; default: a bank's share of idd5").optional();
        b.current("idd6", i.idd6, "self-refresh; default: as idd2p").optional();
    });
}

/// @param currents the section that stands in for the energies that every memory has
void energies(ConfigBinder& b, memory::Technology& t, const std::string& currents) {
    b.energy_per_bit("array_read", t.array_read, "per bit of a row that is opened").unless = currents;
    b.energy_per_bit("array_write", t.array_write, "per bit written back when a dirty row is closed").unless =
        currents;
    b.energy_per_bit("buffer_read", t.buffer_read, "per bit read from the row buffer").unless = currents;
    b.energy_per_bit("buffer_write", t.buffer_write, "per bit written into the row buffer").unless = currents;
    b.power("background", t.background, "of one chip, all banks closed (precharge standby)").unless =
        currents;
    b.power("active_standby", t.active_standby, "of one chip, a row open; default: as background").optional();
    b.power("power_down", t.power_down, "of one chip, all banks closed; default: as background").optional();
    b.power("active_power_down", t.active_power_down, "of one chip, a row open; default: as standby")
        .optional();
    b.power("self_refresh", t.self_refresh, "of one chip, with its refreshes; default: as power_down")
        .optional();
    b.energy("refresh", t.refresh, "one refresh command, one chip").optional();
    b.energy("refresh_bank", t.refresh_bank, "one refresh command of one bank, one chip").optional();
    b.choice<memory::ArrayWritePolicy>("array_write_policy", t.array_write_policy,
                                       {{"modified-words", memory::ArrayWritePolicy::modified_words},
                                        {"whole-row", memory::ArrayWritePolicy::whole_row},
                                        {"flipped-bits", memory::ArrayWritePolicy::flipped_bits}},
                                       "what an array write is charged for")
        .optional();
    const auto flipped = [&t] { return t.energy_needs_data(); };
    b.energy_per_bit("array_set", t.array_set, "per bit that goes from 0 to 1; 0: array_write")
        .optional()
        .only_where("array_write_policy: flipped-bits", flipped);
    b.energy_per_bit("array_reset", t.array_reset, "per bit that goes from 1 to 0; 0: array_write")
        .optional()
        .only_where("array_write_policy: flipped-bits", flipped);
}

} // namespace

void memory_keys(ConfigBinder& b, const char* name, modules::MemoryConfig& memory) {
    b.section(name, [&] {
        memory::Technology& t = memory.technology;
        const std::string here = std::string(name) + ".currents";
        b.technology_file();
        b.text("name", t.name, "name of the technology");
        b.choice<memory::MemoryKind>("kind", t.kind,
                                     {{"dram", memory::MemoryKind::dram}, {"pcm", memory::MemoryKind::pcm}},
                                     "accounts in the results that it is counted under");
        b.quantity("endurance", t.endurance, "a number of writes, e.g. 1e8 writes", core::parse_endurance,
                   core::format_endurance, "writes that a cell survives; 0 writes: no limit")
            .optional();
        b.power_of_two_or_zero("channels", memory.channels,
                               "channels behind one address range; 0: no such memory");
        geometry(b, memory);
        b.section("timing", [&] { timing(b, t); });
        currents(b, memory, here);
        b.section("energy", [&] { energies(b, t, here); });
    });
}

} // namespace hydravp::platform
