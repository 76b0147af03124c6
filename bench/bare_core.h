// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/command_scheduler.h"
#include "hydravp/modules/rank_data.h"
#include "hydravp/workloads/synthetic_traffic.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>

namespace hydravp::bench {

/// What a channel controller is without its module: `CommandScheduler` with its queues and timing rules, and
/// each command where it decides. No SystemC, sockets, chips, data, energy or statistics: the ceiling for the
/// controller's speed, and a second user of the scheduler that has to make the same commands. Not modelled:
/// leases, power-down, self-refresh, reads that the write queue answers.
class BareCore {
public:
    /// Called for every command with its times; may be empty.
    std::function<void(const memory::CommandExtension&)> on_command;

    BareCore(const modules::ChannelControllerConfig& config, const memory::Technology& technology,
             const memory::Geometry& geometry)
        : config_(config),
          technology_(technology),
          geometry_(geometry),
          burst_bytes_(std::uint64_t{geometry.burst_bytes()} * geometry.chips_per_rank),
          map_(geometry, config.address_mapping),
          data_(geometry),
          scheduler_(config, technology, geometry) {}

    /// Serves that many accesses, each at hand when the one before is in the queues, as from an initiator
    /// that keeps an AT socket busy.
    void run(workloads::SyntheticTraffic& traffic, std::uint64_t accesses) {
        traffic_ = &traffic;
        left_ = accesses;
        begin_access();
        admit();
        while (left_ > 0 || pending_bytes_ > 0 || queued_[0] + queued_[1] > 0) {
            const modules::CommandScheduler::Decision& decision = scheduler_.next(now_);
            if (!finishing_.empty() && finishing_.front().time <= decision.at) {
                now_ = finishing_.front().time;
                deliver();
                continue;
            }
            now_ = decision.at;
            if (decision.step != modules::CommandScheduler::Step::none) {
                perform(decision);
            }
        }
    }

    /// When the last access had its last data.
    core::Picoseconds now() const { return now_; }
    std::uint64_t commands() const { return commands_; } ///< every burst is one

private:
    /// The next access is put to the core, which looks at its clock as the controller does.
    void begin_access() {
        scheduler_.next(now_);
        --left_;
        const workloads::TraceAccess access = traffic_->next();
        write_ = access.write;
        address_ = access.address;
        pending_bytes_ = access.bytes;
        ready_ = now_ + config_.latency;
    }

    /// Enters runs of column accesses to one row as long as there is room for them.
    void admit() {
        for (;;) {
            while (pending_bytes_ > 0) {
                if (queued_[write_] == (write_ ? config_.write_queue : config_.read_queue)) {
                    return;
                }
                ++queued_[write_];
                enter_run();
            }
            if (left_ == 0) {
                return;
            }
            begin_access();
        }
    }

    void enter_run() {
        const modules::AddressMapping::Place place = map_.place(address_);
        const std::uint64_t length =
            std::min(pending_bytes_, map_.stretch() - (place.row_byte & (map_.stretch() - 1)));
        const modules::RankStretch stretch = data_.interleaved(place, length);
        modules::QueuedRun& run = scheduler_.draft();
        run.write = write_;
        run.source = modules::Source::host;
        run.slot = scheduler_.slot(stretch.rank, stretch.bank);
        run.rank = stretch.rank;
        run.row = stretch.row;
        run.first = stretch.first;
        run.bytes = stretch.bytes;
        run.ready = ready_;
        run.length = length;
        run.served = 0;
        run.row_byte = place.row_byte;
        plan_turn(run);
        address_ += length;
        pending_bytes_ -= length;
        scheduler_.push_draft(now_);
    }

    void plan_turn(modules::QueuedRun& run) const {
        const std::uint64_t skip = (run.row_byte + run.served) % burst_bytes_;
        run.turn_bytes = std::min(run.length - run.served, config_.burst_group * burst_bytes_ - skip);
        run.turn_bursts =
            static_cast<std::uint32_t>((skip + run.turn_bytes + burst_bytes_ - 1) / burst_bytes_);
    }

    /// Runs whose data have passed leave the queues.
    void deliver() {
        while (!finishing_.empty() && finishing_.front().time <= now_) {
            --queued_[finishing_.front().write];
            finishing_.pop_front();
            admit();
        }
    }

    void perform(const modules::CommandScheduler::Decision& decision) {
        using memory::CommandKind;
        using Step = modules::CommandScheduler::Step;
        switch (decision.step) {
        case Step::activate:
            command(CommandKind::activate, decision.slot).row = decision.run->row;
            issue(technology_.t_rcd);
            break;
        case Step::precharge:
        case Step::close:
            command(CommandKind::precharge, decision.slot);
            issue(technology_.t_rp);
            break;
        case Step::column:
            column_access(*decision.run);
            break;
        case Step::refresh:
            if (config_.refresh == modules::RefreshMode::per_bank) {
                command(CommandKind::refresh_bank, decision.slot);
                issue(technology_.t_rfc_pb);
            } else {
                command(CommandKind::refresh, scheduler_.slot(decision.rank, core::Bank{}));
                issue(technology_.t_rfc);
            }
            break;
        default:
            throw std::logic_error("bare core: no leases, power-down or self-refresh");
        }
    }

    void column_access(modules::QueuedRun& run) {
        const std::uint64_t row_byte = run.row_byte + run.served;
        command(run.write ? memory::CommandKind::write : memory::CommandKind::read, run.slot);
        const std::uint32_t first = data_.chip_byte(row_byte);
        command_.row = run.row;
        command_.skip = first % geometry_.burst_bytes();
        command_.column = first - command_.skip;
        command_.bytes = data_.chip_bytes(row_byte, run.turn_bytes);
        issue((run.write ? technology_.t_wl : technology_.t_cl) + technology_.burst_time());
        run.served += run.turn_bytes;
        if (run.served < run.length) {
            plan_turn(run);
            scheduler_.served(run, now_);
            return;
        }
        const core::Picoseconds before = finishing_.empty() ? now_ : finishing_.back().time;
        finishing_.push_back({std::max(before, command_.data_end), run.write});
        scheduler_.finished(run);
    }

    memory::CommandExtension& command(memory::CommandKind kind, std::size_t slot) {
        command_.kind = kind;
        command_.rank = scheduler_.rank_of(slot);
        command_.bank = scheduler_.bank_of(slot);
        return command_;
    }

    /// @param until_end from the last of its commands to `data_end`
    void issue(core::Picoseconds until_end) {
        const bool column =
            command_.kind == memory::CommandKind::read || command_.kind == memory::CommandKind::write;
        scheduler_.place(command_, now_);
        command_.data_end = command_.last_issued + until_end;
        scheduler_.issued(command_, now_);
        commands_ += column ? command_.bursts(geometry_.burst_bytes()) : 1;
        if (on_command) {
            on_command(command_);
        }
    }

    modules::ChannelControllerConfig config_;
    memory::Technology technology_;
    memory::Geometry geometry_;
    std::uint64_t burst_bytes_; ///< of a rank
    modules::AddressMapping map_;
    modules::RankData data_;
    modules::CommandScheduler scheduler_;
    memory::CommandExtension command_;

    workloads::SyntheticTraffic* traffic_ = nullptr;
    std::uint64_t left_ = 0;
    // The access that is not yet wholly in the queues.
    bool write_ = false;
    std::uint64_t address_ = 0, pending_bytes_ = 0;
    core::Picoseconds ready_{};

    struct Finish {
        core::Picoseconds time;
        bool write;
    };
    std::deque<Finish> finishing_;
    std::uint32_t queued_[2] = {0, 0};
    core::Picoseconds now_{};
    std::uint64_t commands_ = 0;
};

} // namespace hydravp::bench
