// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/result_accumulation_unit.h"

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/time.h"
#include "hydravp/core/words.h"
#include "hydravp/modules/output_words.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace hydravp::modules {

using core::Picoseconds;
using core::Range;
using core::Unit;

namespace {

/// Reads or writes of results under way at a time.
constexpr std::size_t moves_under_way = 8;

} // namespace

ResultAccumulationUnit::ResultAccumulationUnit(const sc_core::sc_module_name& name,
                                               const AccumulationConfig& config, std::uint32_t lanes,
                                               ChannelPort& dram, WeightStreamer& pcm, std::uint32_t units,
                                               std::uint32_t chips_per_rank, memory::MemoryKind results_in,
                                               bool keep_data)
    : sc_core::sc_module(name),
      config_(config),
      lanes_(lanes),
      dram_(dram),
      pcm_(pcm),
      units_(units),
      chips_per_rank_(chips_per_rank),
      ranks_(core::ceil_divide(units, chips_per_rank)),
      keep_data_(keep_data),
      rank_data_(ranks_),
      partial_sums_(units),
      avoids_pcm_writes_(results_in != memory::MemoryKind::pcm),
      avoided_words_(meter_.add(core::Quantity::words, "pcm_words_avoided")),
      output_words_(meter_.add(core::Quantity::count, "output_words")) {}

void ResultAccumulationUnit::connect(std::vector<UnitLinesIf*> lines,
                                     const sc_core::sc_event& lines_changed) {
    lines_ = std::move(lines);
    lines_changed_ = &lines_changed;
}

void ResultAccumulationUnit::trace(core::Tracer& tracer) {
    state_trace_ = tracer.states(
        *this, "state", {"idle", "read_biases", "wait_sums", "read_sums", "read_residual", "add", "write"});
    pass_trace_ = tracer.wire(*this, "pass", 32);
}

void ResultAccumulationUnit::process(const core::LayerRegisters& layer) {
    enter(State::read_biases);
    layer_ = layer;
    schedule_ = core::ConvSchedule(layer.geometry);
    read_biases();
    for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
        pass_trace_.set(pass);
        process_pass(pass);
    }
    finish_moves(0);
    releases_.wait();
    enter(State::idle);
}

void ResultAccumulationUnit::read_biases() {
    const std::uint32_t filters = layer_.geometry.filters;
    biases_.resize(core::bias_block_bytes(filters) / 8);
    if (layer_.weight_source == core::WeightSource::resident) {
        read_resident_biases();
        return;
    }
    auto* to = reinterpret_cast<unsigned char*>(biases_.data());
    pcm_.read_pcm(layer_.model_address, biases_.size() * 8, keep_data_ ? to : nullptr,
                  static_cast<core::LayerId>(layer_.layer))
        .wait();
}

void ResultAccumulationUnit::read_resident_biases() {
    const std::uint32_t chips = std::min<std::uint32_t>(chips_per_rank_, layer_.geometry.units);
    ChannelRequest request;
    request.chips = memory::first_chips(chips);
    request.chip_address = layer_.biases_base;
    request.bytes_per_chip = core::ceil_divide(layer_.geometry.filters, chips) * 8;
    request.chip_stride = request.bytes_per_chip;
    request.layer = static_cast<core::LayerId>(layer_.layer);
    request.source = Source::accumulation;
    std::vector<unsigned char>& data = rank_data_.front();
    if (keep_data_) {
        data.resize(std::size_t{request.bytes_per_chip} * chips_per_rank_);
    }
    dram_.chip_local(tlm::TLM_READ_COMMAND, request, keep_data_ ? data.data() : nullptr)->wait();
    for (std::uint32_t filter = 0; keep_data_ && filter < layer_.geometry.filters; ++filter) {
        std::memcpy(&biases_[filter],
                    data.data() + filter % chips * request.chip_stride + std::size_t{filter / chips} * 8, 8);
    }
}

template <class Work>
void ResultAccumulationUnit::for_each_part(std::uint32_t pass, Work work) const {
    std::size_t first_output = 0;
    for (std::uint32_t slice = 0; slice < layer_.geometry.output_slices(); ++slice) {
        const Unit unit = layer_.geometry.first_unit(slice);
        const Range positions = schedule_.positions(unit, pass);
        const Range frames = schedule_.frames(pass);
        std::uint32_t index = 0;
        for (std::uint32_t group = 0; group < schedule_.groups(unit, pass); ++group) {
            const Range filters = schedule_.filters(unit, pass, group);
            for (std::uint32_t frame = frames.begin; frame < frames.end; ++frame, ++index) {
                if (!filters.empty() && !positions.empty()) {
                    work(Part{unit, index, frame, filters, positions, first_output});
                    first_output += std::size_t{filters.size()} * positions.size();
                }
            }
        }
    }
}

void ResultAccumulationUnit::process_pass(std::uint32_t pass) {
    std::size_t outputs = 0;
    for_each_part(pass, [&](const Part& part) { outputs += part.outputs(); });
    if (outputs == 0) {
        return;
    }
    enter(State::wait_sums);
    releases_.wait(); // or the units would still show the pass before
    const auto ready = [&](std::uint32_t unit) {
        return schedule_.outputs(Unit{unit}, pass) == 0 || lines_[unit]->passes_waiting() > 0;
    };
    for (std::uint32_t unit = 0; unit < units_; ++unit) {
        while (!ready(unit)) {
            wait(*lines_changed_);
        }
    }
    enter(State::read_sums);
    const Picoseconds begin = core::now();
    read_partial_sums(pass);
    const Picoseconds arrived = core::now();
    if (layer_.has_residual != 0) {
        enter(State::read_residual);
        read_residual(pass);
    }
    enter(State::add);
    // Adding keeps pace with the channel's delivery unless there are more operands than adders.
    const Picoseconds added = std::max(arrived, begin + accumulation_time(pass)) + config_.latency;
    core::wait_until(added);
    results_.resize(outputs);
    if (keep_data_) {
        accumulate(pass);
    }
    enter(State::write);
    write_back(pass);
    meter_.charge(output_words_, static_cast<core::LayerId>(layer_.layer), static_cast<double>(outputs));
    if (avoids_pcm_writes_) {
        meter_.charge(avoided_words_, static_cast<core::LayerId>(layer_.layer), static_cast<double>(outputs));
    }
}

Picoseconds ResultAccumulationUnit::accumulation_time(std::uint32_t pass) const {
    std::uint64_t operands = 0;
    for (std::uint32_t unit = 0; unit < units_; ++unit) {
        operands += schedule_.outputs(Unit{unit}, pass);
    }
    const std::uint64_t per_cycle = std::uint64_t{config_.operands_per_cycle} * lanes_;
    return config_.clock_period * static_cast<std::int64_t>((operands + per_cycle - 1) / per_cycle);
}

void ResultAccumulationUnit::read_partial_sums(std::uint32_t pass) {
    std::vector<ChannelTransferPtr> reads(ranks_);
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        const ChannelRequest request = sums_request(rank, pass);
        if (request.chips == 0) {
            continue;
        }
        if (keep_data_) {
            rank_data_[rank].resize(std::size_t{request.bytes_per_chip} * chips_per_rank_);
        }
        reads[rank] =
            dram_.chip_local(tlm::TLM_READ_COMMAND, request, keep_data_ ? rank_data_[rank].data() : nullptr);
    }
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        if (reads[rank] == nullptr) {
            continue;
        }
        reads[rank]->wait();
        const ChannelRequest request = sums_request(rank, pass);
        const std::uint32_t first = rank * chips_per_rank_;
        const std::uint32_t last = std::min(first + chips_per_rank_, units_);
        for (std::uint32_t unit = first; keep_data_ && unit < last; ++unit) {
            partial_sums_[unit] = rank_data_[rank].data() + std::size_t{unit - first} * request.chip_stride;
        }
        release_outputs(request);
    }
}

/// The read of what one rank's units hold for a pass; no chips if they hold nothing.
ChannelRequest ResultAccumulationUnit::sums_request(std::uint32_t rank, std::uint32_t pass) const {
    ChannelRequest request;
    request.space = memory::AccessSpace::unit;
    request.rank = core::Rank{rank};
    request.chip_address = core::UnitMap::output_buffer;
    request.layer = static_cast<core::LayerId>(layer_.layer);
    request.source = Source::accumulation;
    request.cause = memory::WriteCause::partial_sum;
    const std::uint32_t first = rank * chips_per_rank_;
    for (std::uint32_t unit = first; unit < std::min(first + chips_per_rank_, units_); ++unit) {
        const std::uint32_t bytes = schedule_.outputs(Unit{unit}, pass) * (layer_.partial_sum_bits / 8);
        request.bytes_per_chip = std::max(request.bytes_per_chip, bytes);
        request.chips |= bytes > 0 ? 1U << (unit - first) : 0U;
    }
    request.chip_stride = request.bytes_per_chip;
    return request;
}

void ResultAccumulationUnit::release_outputs(const ChannelRequest& read) {
    ChannelRequest request = read;
    request.chip_address = core::UnitMap::release;
    request.bytes_per_chip = sizeof one_;
    request.chip_stride = 0;
    releases_.add(dram_.chip_local(tlm::TLM_WRITE_COMMAND, request, reinterpret_cast<unsigned char*>(&one_)));
}

Range ResultAccumulationUnit::residual_words(Range positions) const {
    const std::uint32_t n = layer_.residual_subsample;
    const std::uint32_t out_width = layer_.geometry.out_width;
    const auto word = [&](std::uint32_t position) {
        return position / out_width * n * layer_.residual.width + position % out_width * n;
    };
    return {word(positions.begin), word(positions.end - 1) + 1};
}

void ResultAccumulationUnit::read_residual(std::uint32_t pass) {
    std::size_t words = 0;
    for_each_part(pass, [&](const Part& part) {
        words += std::size_t{part.filters.size()} * residual_words(part.positions).size();
    });
    residual_.assign(words, 0); // channels that the source doesn't have stay zero
    const std::uint32_t word_bytes = layer_.geometry.word_bytes;
    auto* bytes = reinterpret_cast<unsigned char*>(residual_.data());
    if (word_bytes != sizeof residual_.front()) {
        narrow_.assign(words, 0);
        bytes = narrow_.data();
    }
    segments_.clear();
    std::size_t next = 0;
    for_each_part(pass, [&](const Part& part) {
        const Range range = residual_words(part.positions);
        for (std::uint32_t filter = part.filters.begin; filter < part.filters.end;
             ++filter, next += range.size()) {
            if (filter < layer_.residual.channels) {
                segments_.push_back(
                    {filter % layer_.residual.split,
                     layer_.residual.address(filter, part.frame) + std::uint64_t{range.begin} * word_bytes,
                     range.size() * word_bytes, bytes + next * word_bytes});
            }
        }
    });
    move(tlm::TLM_READ_COMMAND, segments_);
    finish_moves(0);
    if (keep_data_ && word_bytes != sizeof residual_.front()) {
        core::load_words(narrow_.data(), words, word_bytes, residual_.data());
    }
}

/// Adds up what the units made for a part.
void ResultAccumulationUnit::add_partial_sums(std::uint32_t pass, const Part& part) {
    sources_.clear();
    const std::uint32_t first = part.first_unit.value();
    const std::size_t offset = std::size_t{part.index} * part.outputs() * (layer_.partial_sum_bits / 8);
    for (std::uint32_t unit = first; unit < first + layer_.geometry.contributors(); ++unit) {
        if (schedule_.outputs(Unit{unit}, pass) != 0) { // it has channels of its own
            sources_.push_back(partial_sums_[unit] + offset);
        }
    }
    sums_.resize(part.outputs());
    sum_over_units(sources_.data(), sources_.size(), part.outputs(), layer_.partial_sum_bits, sums_.data());
}

void ResultAccumulationUnit::accumulate(std::uint32_t pass) {
    const std::int16_t* residual = residual_.data();
    for_each_part(pass, [&](const Part& part) {
        add_partial_sums(pass, part);
        const std::uint32_t count = part.positions.size();
        std::int16_t* to = results_.data() + part.first_output;
        std::int64_t* sums = sums_.data();
        for (std::uint32_t filter = part.filters.begin; filter < part.filters.end; ++filter) {
            std::uint32_t sum_shift = layer_.partial_sum_shift;
            if (layer_.has_residual != 0) {
                residual = add_residual(part.positions, residual, sums);
                sum_shift = 0;
            }
            output_words(layer_, sums, count, sum_shift, biases_[filter], to);
            sums += count;
            to += count;
        }
    });
}

/// Adds one filter's shortcut words to its sums, both at their full scale; returns where the next filter's
/// are.
const std::int16_t* ResultAccumulationUnit::add_residual(Range positions, const std::int16_t* residual,
                                                         std::int64_t* sums) const {
    const std::uint32_t n = layer_.residual_subsample;
    const std::uint32_t out_width = layer_.geometry.out_width;
    const Range source = residual_words(positions);
    for (std::uint32_t position = positions.begin; position < positions.end; ++position, ++sums) {
        const std::uint32_t word =
            position / out_width * n * layer_.residual.width + position % out_width * n;
        *sums = core::round_shift(*sums, -static_cast<int>(layer_.partial_sum_shift)) +
                core::round_shift(residual[word - source.begin], -layer_.residual_shift);
    }
    return residual + source.size();
}

void ResultAccumulationUnit::write_back(std::uint32_t pass) {
    segments_.clear();
    const std::uint32_t word_bytes = layer_.geometry.word_bytes;
    auto* words = reinterpret_cast<unsigned char*>(results_.data());
    if (word_bytes != sizeof results_.front()) {
        narrow_.resize(results_.size());
        words = narrow_.data();
        if (keep_data_) {
            core::store_words(results_.data(), results_.size(), word_bytes, words);
        }
    }
    for_each_part(pass, [&](const Part& part) {
        unsigned char* data = words + part.first_output * word_bytes;
        const std::uint32_t bytes = part.positions.size() * word_bytes;
        for (std::uint32_t filter = part.filters.begin; filter < part.filters.end; ++filter, data += bytes) {
            const std::uint64_t address =
                layer_.output.address(filter, part.frame) + std::uint64_t{part.positions.begin} * word_bytes;
            for (std::uint32_t unit = filter % layer_.output.split; unit < layer_.geometry.units;
                 unit += layer_.output.split) {
                segments_.push_back(
                    {unit, address, bytes, data}); // a copy for every unit of the residue class
            }
        }
    });
    move(tlm::TLM_WRITE_COMMAND, segments_);
}

void ResultAccumulationUnit::move(tlm::tlm_command command, std::vector<Segment>& segments) {
    const auto place = [&](const Segment& s) {
        return std::make_tuple(s.unit / chips_per_rank_, s.address, s.bytes, s.unit);
    };
    std::sort(segments.begin(), segments.end(),
              [&](const Segment& a, const Segment& b) { return place(a) < place(b); });
    const Segment* const end = segments.data() + segments.size();
    const auto group_end = [&](const Segment* first) { // the same address in several chips of one rank
        return std::find_if(first, end, [&](const Segment& s) {
            return s.unit / chips_per_rank_ != first->unit / chips_per_rank_ || s.address != first->address ||
                   s.bytes != first->bytes;
        });
    };
    const Segment* first = segments.data();
    while (first != end) {
        const Segment* group = first;
        const Segment* last = group_end(first);
        std::uint32_t bytes = first->bytes;
        while (last != end) { // following groups that continue in the same chips join the run
            const Segment* next_end = group_end(last);
            const bool continues =
                last->address == group->address + group->bytes && next_end - last == last - group &&
                std::equal(group, last, last,
                           [](const Segment& a, const Segment& b) { return a.unit == b.unit; });
            if (!continues) {
                break;
            }
            bytes += last->bytes;
            group = last;
            last = next_end;
        }
        begin_move(command, first, last, bytes);
        first = last;
    }
}

void ResultAccumulationUnit::begin_move(tlm::tlm_command command, const Segment* first, const Segment* last,
                                        std::uint32_t bytes_per_chip) {
    finish_moves(moves_under_way - 1);
    if (spare_moves_.empty()) {
        spare_moves_.emplace_back();
    }
    Move& move = moves_.emplace_back(std::move(spare_moves_.back()));
    spare_moves_.pop_back();
    move.address = first->address;
    move.bytes = bytes_per_chip;
    ChannelRequest request;
    request.rank = core::Rank{first->unit / chips_per_rank_};
    request.chip_address = first->address;
    request.bytes_per_chip = bytes_per_chip;
    request.chip_stride = bytes_per_chip;
    request.layer = static_cast<core::LayerId>(layer_.layer);
    request.source = Source::accumulation;
    request.cause = memory::WriteCause::activation;
    if (keep_data_) {
        move.data.resize(std::size_t{bytes_per_chip} * chips_per_rank_);
    }
    move.segments.clear();
    for (const Segment* s = first; s != last; ++s) {
        request.chips |= 1U << (s->unit % chips_per_rank_);
        if (keep_data_ && command == tlm::TLM_WRITE_COMMAND) {
            std::memcpy(place(move, *s), s->data, s->bytes);
        } else if (keep_data_) {
            move.segments.push_back(*s);
        }
    }
    move.transfer = dram_.chip_local(command, request, keep_data_ ? move.data.data() : nullptr);
}

/// Completes moves, the oldest first, until at most so many are left.
void ResultAccumulationUnit::finish_moves(std::size_t left_under_way) {
    while (moves_.size() > left_under_way) {
        Move& move = moves_.front();
        move.transfer->wait();
        move.transfer = nullptr;
        for (const Segment& segment : move.segments) { // of a read
            std::memcpy(segment.data, place(move, segment), segment.bytes);
        }
        spare_moves_.push_back(std::move(move));
        moves_.pop_front();
    }
}

} // namespace hydravp::modules
