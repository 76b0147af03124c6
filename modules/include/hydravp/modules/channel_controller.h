// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/meter.h"
#include "hydravp/memory/technology.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/chip_interleave.h"
#include "hydravp/modules/config.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// In-order controller of one memory channel, open pages, all-bank refresh.
///
/// Front: TLM-2.0 base protocol, LT and debug; with a `ChannelRequest` also chip-local data. b_transport does
/// not wait: it adds the time until the last data to the delay. Requests are served in the order of their
/// calls; row commands of a request overlap with the data of the one before. Back: commands to a
/// `memory::Channel`.
///
/// Interleaved addresses count, from the least significant: byte in the rank's row, bank, rank, row. Byte
/// enables and streaming width are honoured in the interleaved view. In the chip-local view the extension
/// gives the extent and the payload's address, length and streaming width are not looked at; byte enables
/// follow the data's layout, and the array only. Pieces longer than a row are cut also on their way to a
/// unit. A null data pointer moves no data and is for payloads with a `ChannelRequest` only. DMI is denied:
/// no stretch of ordinary memory is contiguous in a chip.
///
/// An ordinary access to a leased bank recalls the lease: the unit stops, the access is made, the bank is
/// precharged and handed back. A refresh that falls due before a request's data is issued ahead of it, so a
/// request that lies ahead of the simulated time does not postpone refreshes. Not modelled: reordering,
/// posted writes, power-down, ECC.
class ChannelController : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<ChannelController> front{"front"};
    tlm_utils::simple_initiator_socket<ChannelController> channel{"channel"};

    ChannelController(const sc_core::sc_module_name& name, const ChannelControllerConfig& config,
                      const memory::Technology& technology, const memory::Geometry& geometry);
    ~ChannelController() override;

    /// Precharges the bank in the selected chips and hands it to their units; returns when they may activate
    /// it. Throws std::logic_error if the bank or the chips don't exist or one of them is leased already.
    core::Picoseconds lease(core::Rank rank, core::Bank bank, std::uint32_t chips);
    /// Layer that the refreshes from now on are charged to.
    void charge_refresh_to(core::LayerId layer) { refresh_layer_ = layer; }
    /// Takes a leased bank back. Throws std::logic_error if it is not leased or a unit is at work in it.
    void release(core::Rank rank, core::Bank bank, std::uint32_t chips);

private:
    struct BankEntry {
        bool open = false;
        core::Row row;
        std::uint32_t leased = 0; ///< mask of chips
    };
    /// A piece of a request within one row.
    struct Piece {
        core::Rank rank;
        core::Bank bank;
        core::Row row;
        std::uint32_t first = 0; ///< byte within each chip's row
        std::uint32_t bytes = 0; ///< per chip
        unsigned char* data = nullptr;
        unsigned char* enables = nullptr; ///< laid out like the data
        std::size_t chip_stride = 0;
    };
    /// What all pieces of a request share.
    struct Context {
        bool write = false;
        memory::AccessSpace space = memory::AccessSpace::array;
        std::uint64_t unit_address = 0;
        std::uint32_t chips = 0;
        core::LayerId layer = core::no_layer;
        memory::WriteCause cause = memory::WriteCause::host;
        core::Picoseconds start{}; ///< the first command may be issued
        core::Picoseconds accepted{};
        core::Picoseconds finished{};
    };
    /// Byte enables of the request, TLM's: repeated over the data.
    struct Enables {
        const unsigned char* pattern = nullptr;
        std::size_t length = 0;
        std::size_t offset = 0; ///< of the first byte
        bool operator[](std::size_t i) const {
            return pattern == nullptr || pattern[(offset + i) % length] != 0;
        }
    };

    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int debug(tlm::tlm_generic_payload& payload);
    tlm::tlm_response_status check_interleaved(const tlm::tlm_generic_payload& payload,
                                               bool has_request) const;
    tlm::tlm_response_status check_chip_local(const tlm::tlm_generic_payload& payload,
                                              const ChannelRequest& request) const;
    tlm::tlm_response_status serve_interleaved(tlm::tlm_generic_payload& payload, Context& context);
    tlm::tlm_response_status serve_stretch(std::uint64_t address, unsigned char* data, std::uint64_t bytes,
                                           const Enables& enables, Context& context);
    tlm::tlm_response_status serve_chip_local(tlm::tlm_generic_payload& payload,
                                              const ChannelRequest& request, Context& context);
    tlm::tlm_response_status access_row(const Piece& piece, Context& context);
    tlm::tlm_response_status column_access(const Piece& piece, Context& context);
    Piece interleaved_piece(std::uint64_t address, std::uint64_t bytes) const;
    Piece chip_local_piece(core::Rank rank, std::uint64_t chip_address, std::uint64_t bytes) const;
    unsigned int debug_stretch(const Piece& piece, std::uint32_t chips, memory::AccessSpace space,
                               std::uint64_t unit_address, bool write);

    void refresh();
    void refresh_until(core::Picoseconds t);
    tlm::tlm_response_status issue(unsigned char* data = nullptr, unsigned char* enables = nullptr);
    memory::CommandExtension& command(memory::CommandKind kind, core::Rank rank, core::Bank bank,
                                      core::Picoseconds earliest);
    void check_lease(core::Rank rank, core::Bank bank, std::uint32_t chips) const;
    BankEntry& entry(core::Rank rank, core::Bank bank) { return banks_[rank][bank]; }

    ChannelControllerConfig config_;
    memory::Technology technology_;
    memory::Geometry geometry_;
    ChipInterleave interleave_;
    std::uint32_t all_chips_;
    core::IndexedVector<core::Rank, core::IndexedVector<core::Bank, BankEntry>> banks_;
    core::IndexedVector<core::Rank, core::Picoseconds> refresh_due_;
    core::LayerId refresh_layer_ = core::no_layer;
    core::Picoseconds bus_end_{}; ///< end of the last data
    std::vector<unsigned char> staging_;
    std::vector<unsigned char> staging_enables_;
    tlm::tlm_generic_payload payload_;
    memory::CommandExtension command_;
    core::Meter meter_{"meter"};
    core::Meter::Account io_;
};

} // namespace hydravp::modules
