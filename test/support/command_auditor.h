// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::test {

/// Stands between a controller and a channel, writes down every command, and checks the finished history
/// against the table of constraints: an independent statement of the rules, command by command, without any
/// planning.
class CommandAuditor : public sc_core::sc_module {
public:
    using Ps = core::Picoseconds;
    tlm_utils::simple_target_socket<CommandAuditor> front{"front"};
    tlm_utils::simple_initiator_socket<CommandAuditor> back{"back"};
    std::vector<memory::CommandExtension> history; ///< those answered with OK
    std::size_t refused = 0;
    std::size_t delayed = 0; ///< activates and column commands that the channel allowed later than asked for

    CommandAuditor(const sc_core::sc_module_name& name, const memory::Technology& technology)
        : sc_core::sc_module(name), t_(technology) {
        front.register_b_transport(this, &CommandAuditor::transport);
        front.register_transport_dbg(this, &CommandAuditor::debug);
    }

    /// false: for runs too long to be written down; they can't be audited.
    void keep_history(bool on) { keeps_history_ = on; }

    std::size_t count(memory::CommandKind kind) const {
        return static_cast<std::size_t>(
            std::count_if(history.begin(), history.end(), [kind](const auto& c) { return c.kind == kind; }));
    }
    const memory::CommandExtension& last(memory::CommandKind kind) const {
        return *std::find_if(history.rbegin(), history.rend(),
                             [kind](const auto& c) { return c.kind == kind; });
    }

    /// The violations, one a line; empty if there are none.
    std::string audit() const {
        std::ostringstream out;
        const std::vector<Event> events = expand();
        for (std::size_t i = 0; i < events.size(); ++i) {
            check_state(events, i, out);
            for (std::size_t back_by = 1; back_by <= std::min<std::size_t>(i, 300); ++back_by) {
                check_pair(events[i - back_by], events[i], out);
            }
        }
        check_four_activates(events, out);
        check_data_bus(out);
        return out.str();
    }

private:
    enum class What { activate, precharge, precharge_all, refresh, read, write };
    struct Event {
        Ps time;
        What what;
        std::uint32_t rank;
        std::uint32_t bank;
        std::uint32_t row;
        bool unit;
    };

    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        back->b_transport(payload, delay);
        memory::CommandExtension* command = nullptr;
        payload.get_extension(command);
        if (payload.is_response_ok()) {
            const bool scheduled = command->kind == memory::CommandKind::activate ||
                                   command->kind == memory::CommandKind::read ||
                                   command->kind == memory::CommandKind::write;
            delayed += scheduled && command->issued != command->earliest ? 1 : 0;
            if (keeps_history_) {
                history.push_back(*command);
            }
        } else {
            ++refused;
        }
    }
    unsigned int debug(tlm::tlm_generic_payload& payload) { return back->transport_dbg(payload); }

    std::vector<Event> expand() const {
        using memory::CommandKind;
        std::vector<Event> events;
        for (const memory::CommandExtension& c : history) {
            Event e{c.issued,       What::activate, c.rank.value(),
                    c.bank.value(), c.row.value(),  c.space == memory::AccessSpace::unit};
            switch (c.kind) {
            case CommandKind::activate:
                events.push_back(e);
                break;
            case CommandKind::precharge:
                e.what = What::precharge;
                events.push_back(e);
                break;
            case CommandKind::refresh:
                if (c.issued != c.last_issued) {
                    e.what = What::precharge_all;
                    events.push_back(e);
                }
                e.what = What::refresh;
                e.time = c.last_issued;
                events.push_back(e);
                break;
            case CommandKind::read:
            case CommandKind::write:
                e.what = c.kind == CommandKind::read ? What::read : What::write;
                for (std::uint32_t n = c.bursts(burst_bytes); n > 0; --n, e.time += t_.t_ccd) {
                    events.push_back(e);
                }
                break;
            case CommandKind::lease:
            case CommandKind::release:
                break;
            }
        }
        std::stable_sort(events.begin(), events.end(),
                         [](const Event& a, const Event& b) { return a.time < b.time; });
        return events;
    }

    static bool column(What what) { return what == What::read || what == What::write; }

    void complain(std::ostringstream& out, const char* rule, const Event& b) const {
        out << rule << " at " << b.time.count() << " ps, rank " << b.rank << ", bank " << b.bank << '\n';
    }

    void check_state(const std::vector<Event>& events, std::size_t i, std::ostringstream& out) const {
        const Event& e = events[i];
        if (t_.t_ck.count() > 0 && e.time.count() % t_.t_ck.count() != 0) {
            complain(out, "off the clock grid", e);
        }
        if (e.unit) {
            return;
        }
        const Event* opened = nullptr; // the activate that is still in force
        for (std::size_t j = i; j-- > 0;) {
            const Event& p = events[j];
            if (p.rank != e.rank) {
                continue;
            }
            if (p.what == What::precharge_all || p.what == What::refresh ||
                (p.what == What::precharge && p.bank == e.bank)) {
                break;
            }
            if (p.what == What::activate && (p.bank == e.bank || e.what == What::refresh)) {
                bool closed = false; // for a refresh: by a precharge of its own
                for (std::size_t k = j + 1; k < i; ++k) {
                    closed |= events[k].rank == e.rank && events[k].what == What::precharge &&
                              events[k].bank == p.bank;
                }
                if (!closed) {
                    opened = &p;
                    break;
                }
            }
        }
        if (column(e.what) && (opened == nullptr || opened->row != e.row)) {
            complain(out, "column command to a row that is not open", e);
        }
        if ((e.what == What::activate || e.what == What::refresh) && opened != nullptr) {
            complain(out, "a row is open", e);
        }
    }

    void check_pair(const Event& a, const Event& b, std::ostringstream& out) const {
        const Ps distance = b.time - a.time;
        const auto need = [&](const char* rule, Ps least) {
            if (distance < least) {
                complain(out, rule, b);
            }
        };
        need("command bus", t_.t_ck);
        if (a.rank != b.rank) {
            return;
        }
        const bool same_bank = a.bank == b.bank && !a.unit && !b.unit;
        const bool closes = b.what == What::precharge_all || (b.what == What::precharge && same_bank);
        if (a.what == What::activate) {
            if (column(b.what) && same_bank) {
                need("t_rcd", t_.t_rcd);
            } else if (b.what == What::activate) {
                same_bank ? need("t_rc", t_.t_rc) : need("t_rrd", t_.t_rrd);
            } else if (closes) {
                need("t_ras", t_.t_ras);
            }
        }
        if (a.what == What::precharge || a.what == What::precharge_all) {
            if (b.what == What::activate && (same_bank || a.what == What::precharge_all)) {
                need("t_rp", t_.t_rp);
            } else if (b.what == What::refresh) {
                need("t_rp before refresh", t_.t_rp);
            } else if (a.what == What::precharge && b.what == What::precharge && !same_bank) {
                need("t_rrd_pre", t_.t_rrd_pre);
            }
        }
        if (a.what == What::refresh) {
            need("t_rfc", b.unit ? Ps{0} : t_.t_rfc);
        }
        if (column(a.what) && column(b.what)) {
            need("t_ccd", t_.t_ccd);
        }
        if (a.what == What::write && b.what == What::read) {
            need("t_wtr", t_.t_wl + t_.t_ccd + t_.t_wtr);
        }
        if (column(a.what) && !a.unit && (closes && (same_bank || b.what == What::precharge_all))) {
            a.what == What::read ? need("t_rtp", t_.t_rtp) : need("t_wr", t_.t_wl + t_.t_ccd + t_.t_wr);
        }
    }

    void check_four_activates(const std::vector<Event>& events, std::ostringstream& out) const {
        std::map<std::uint32_t, std::vector<Event>> activates;
        for (const Event& e : events) {
            if (e.what == What::activate) {
                activates[e.rank].push_back(e);
            }
        }
        for (const auto& [rank, list] : activates) {
            for (std::size_t i = 4; i < list.size(); ++i) {
                if (list[i].time - list[i - 4].time < t_.t_faw) {
                    complain(out, "t_faw", list[i]);
                }
            }
        }
    }

    void check_data_bus(std::ostringstream& out) const {
        std::vector<memory::CommandExtension> runs;
        for (const memory::CommandExtension& c : history) {
            if (c.kind == memory::CommandKind::read || c.kind == memory::CommandKind::write) {
                runs.push_back(c);
            }
        }
        std::stable_sort(runs.begin(), runs.end(),
                         [](const auto& a, const auto& b) { return a.data_begin < b.data_begin; });
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const memory::CommandExtension& c = runs[i];
            const Event e{c.issued, What::read, c.rank.value(), c.bank.value(), c.row.value(), false};
            const Ps latency = c.kind == memory::CommandKind::read ? t_.t_cl : t_.t_wl;
            if (c.data_begin != c.issued + latency ||
                c.data_end != c.data_begin + c.bursts(burst_bytes) * t_.t_ccd) {
                complain(out, "data times", e);
            }
            if (i > 0) {
                const memory::CommandExtension& p = runs[i - 1];
                const bool turn = p.rank != c.rank || p.kind != c.kind;
                if (c.data_begin < p.data_end + (turn ? t_.t_rtrs : Ps{0})) {
                    complain(out, "data bus", e);
                }
            }
        }
    }

    static constexpr std::uint32_t burst_bytes = 8; // x8, bursts of 8
    memory::Technology t_;
    bool keeps_history_ = true;
};

} // namespace hydravp::test
