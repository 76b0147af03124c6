// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/layer_engine.h"

#include "row_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace hydravp::accelerators::mram_pim {
namespace {

using core::MramLayerKind;
using core::MramLayerRegisters;
using core::MramPlan;

constexpr std::size_t columns_per_row = BitRow::columns;

bool is_pool(const MramLayerRegisters& layer) {
    return layer.layer_kind() == MramLayerKind::max_pool || layer.layer_kind() == MramLayerKind::average_pool;
}

MramEvents reads(std::uint64_t rows) {
    MramEvents events;
    events.senses = events.comparisons = rows;
    return events;
}

MramEvents writes(std::uint64_t rows) {
    return memory::write_event() * rows;
}

} // namespace

core::Energy LayerActivity::total_energy() const {
    return add_energy + count_energy + map_energy + htree_energy + dpu_energy;
}

std::uint64_t LayerActivity::row_operations() const {
    return (add + count + map + move).row_operations();
}

/// Which output each column of a group stands for: outputs are counted image by image, position by position,
/// filter by filter, so that neighbouring columns share an activation. A part is a run of columns in one word
/// with the same position.
struct LayerEngine::Columns {
    struct Part {
        std::size_t word = 0;
        unsigned shift = 0;  ///< first column within the word
        unsigned length = 0; ///< columns
        const std::uint8_t* input = nullptr;
        std::uint32_t filter = 0; ///< of the first column
    };
    std::vector<Part> parts;
    std::size_t count = 0;   ///< columns in use
    bool whole_words = true; ///< each part is a word whose filters are a word of the weights
};

LayerEngine::LayerEngine(const MramPimConfig& config, memory::MramStorage& storage)
    : config_(config),
      storage_(storage),
      tensor_base_(std::uint64_t{config.subarrays - config.tensor_subarrays} * MramCells::bytes) {}

const AdderTree& LayerEngine::tree(std::uint64_t count, std::uint64_t bound) {
    std::unique_ptr<AdderTree>& tree = trees_[{count, bound}];
    if (!tree) {
        tree = std::make_unique<AdderTree>(config_.sense_amplifier, static_cast<int>(count), bound);
    }
    return *tree;
}

void LayerEngine::run(const RowProgram& program, MramCells& cells) {
    if (errors_ != nullptr) {
        errors_->run(program, cells);
    } else if (mode_ == ExecutionMode::step || (observer_ && !observed_)) {
        MramSubarray subarray(cells, config_.sense_amplifier);
        program.step(subarray, observed_ ? nullptr : observer_);
        observed_ = true;
        stepped_ += subarray.events();
    } else {
        program.run(cells);
    }
}

BitRow LayerEngine::read_row(const BitRow& row) {
    return errors_ != nullptr ? errors_->read(row) : row;
}

MramEvents LayerEngine::take_stepped_events() {
    return std::exchange(stepped_, MramEvents{});
}

void LayerEngine::check(const MramLayerRegisters& layer) const {
    const auto require = [](bool ok, const std::string& message) {
        if (!ok) {
            throw std::invalid_argument(message);
        }
    };
    const auto fits = [&](const char* what, std::uint64_t address, std::uint64_t bytes) {
        require(address >= tensor_base_ && address <= storage_.size() && bytes <= storage_.size() - address,
                fmt::format("found {} of {} bytes at {:#x}, expected it between {:#x} and {:#x}", what, bytes,
                            address, tensor_base_, storage_.size()));
    };
    constexpr std::uint32_t largest = 1U << 14;
    for (const std::uint32_t side :
         {layer.in_channels, layer.in_height, layer.in_width, layer.out_channels, layer.out_height,
          layer.out_width, layer.kernel_height, layer.kernel_width, layer.stride_height, layer.stride_width,
          layer.batch}) {
        require(side >= 1 && side <= largest,
                fmt::format("found a side of {}, expected 1 to {}", side, largest));
    }
    require(layer.output_bytes == 1 || layer.output_bytes == 2,
            fmt::format("found {} bytes per output, expected 1 or 2", layer.output_bytes));
    require(layer.bias_shift <= 40 && layer.output_shift <= 62, "found a shift that is too wide");
    require(layer.pad_top < layer.kernel_height && layer.pad_left < layer.kernel_width,
            "found padding as wide as the kernel, expected less");
    if (is_pool(layer)) {
        require(layer.in_channels == layer.out_channels && layer.output_bytes == 1,
                "found a pooling that changes channels or the size of words");
    }
    fits("inputs", layer.input, layer.input_words() * layer.batch);
    fits("weights", is_pool(layer) ? layer.input : layer.weights, layer.weight_bytes());
    fits("parameters", is_pool(layer) ? layer.input : layer.parameters, layer.parameter_bytes());
    fits("outputs", layer.output, layer.outputs() * layer.batch * layer.output_bytes);
}

LayerActivity LayerEngine::evaluate(const MramLayerRegisters& layer) const {
    LayerActivity activity;
    activity.plan = core::plan_mram_layer(layer, bank_shape(config_));
    const MramPlan& plan = activity.plan;
    activity.add = add_events(config_.sense_amplifier, 1) * plan.bit_additions;
    activity.count = memory::sense_events(find_mode(config_.sense_amplifier, memory::SenseFunction::and2)) *
                     plan.and_operations;
    activity.map = writes(plan.mapped_rows) + reads(plan.tensor_rows_read);
    activity.move =
        reads(plan.moved_rows) + writes(plan.moved_rows + plan.tensor_rows_written) +
        reads(layer.layer_kind() == MramLayerKind::add_tree ? plan.result_rows : 0); // counters are no cells
    activity.htree_rows = plan.mapped_rows + plan.tensor_rows_read + plan.moved_rows + plan.result_rows +
                          plan.tensor_rows_written;
    const double scale = boost(config_);
    activity.add_energy = activity.add.energy(config_.technology, scale);
    const DpuConfig& dpu = config_.dpu;
    activity.count_energy = activity.count.energy(config_.technology, scale) +
                            dpu.count * static_cast<double>(plan.counted_words) +
                            dpu.accumulate * static_cast<double>(plan.accumulated_counts);
    activity.map_energy = activity.map.energy(config_.technology, scale);
    activity.htree_energy = config_.technology.htree_transfer * static_cast<double>(activity.htree_rows) +
                            activity.move.energy(config_.technology, scale);
    activity.dpu_energy = dpu.combine * static_cast<double>(plan.combined_operands) +
                          (dpu.scale + dpu.activate) * static_cast<double>(plan.scaled_outputs) +
                          dpu.pool * static_cast<double>(plan.pooled_inputs);
    return activity;
}

void LayerEngine::load(const MramLayerRegisters& layer) {
    const std::size_t channels = std::size_t{layer.batch} * layer.in_channels;
    // As far as the last window reaches.
    padded_height_ = std::max(layer.pad_top + layer.in_height,
                              (layer.out_height - 1) * layer.stride_height + layer.kernel_height);
    padded_width_ = std::max(layer.pad_left + layer.in_width,
                             (layer.out_width - 1) * layer.stride_width + layer.kernel_width);
    input_.assign(channels * padded_height_ * padded_width_, 0);
    std::vector<std::uint8_t> plane(std::size_t{layer.in_height} * layer.in_width);
    for (std::size_t channel = 0; channel < channels; ++channel) {
        storage_.read(layer.input + channel * plane.size(), plane.data(), plane.size());
        std::uint8_t* to = input_.data() + channel * padded_height_ * padded_width_ +
                           std::size_t{layer.pad_top} * padded_width_ + layer.pad_left;
        for (std::uint32_t row = 0; row < layer.in_height; ++row, to += padded_width_) {
            std::memcpy(to, plane.data() + std::size_t{row} * layer.in_width, layer.in_width);
        }
    }
    term_offsets_.clear();
    for (std::uint32_t channel = 0; channel < layer.in_channels; ++channel) {
        for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
            for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx) {
                term_offsets_.push_back((channel * padded_height_ + ky) * padded_width_ + kx);
            }
        }
    }
    const std::uint64_t bytes = layer.weight_bytes();
    if (layer.layer_kind() == MramLayerKind::add_tree) {
        signs_.resize(bytes / 8);
        storage_.read(layer.weights, reinterpret_cast<unsigned char*>(signs_.data()), bytes);
    } else {
        weights_.resize(bytes);
        storage_.read(layer.weights, reinterpret_cast<unsigned char*>(weights_.data()), bytes);
    }
    parameters_.resize(layer.parameter_bytes() / sizeof(FilterParameters));
    storage_.read(layer.parameters, reinterpret_cast<unsigned char*>(parameters_.data()),
                  layer.parameter_bytes());
    output_.assign(layer.outputs() * layer.batch, 0);
}

/// @param output counted image by image, position by position, filter by filter
void LayerEngine::finish(const MramLayerRegisters& layer, std::uint64_t output, std::int64_t sum) {
    const std::uint64_t filter = output % layer.out_channels;
    const std::uint64_t place = output / layer.out_channels;
    const std::uint64_t image = place / layer.positions();
    const std::uint64_t position = place % layer.positions();
    output_[(image * layer.out_channels + filter) * layer.positions() + position] =
        activate(sum, parameters_[filter], layer);
}

void LayerEngine::pack_outputs(const MramLayerRegisters& layer) {
    output_bytes_.resize(output_.size() * layer.output_bytes);
    for (std::size_t i = 0; i < output_.size(); ++i) {
        output_bytes_[i * layer.output_bytes] = static_cast<unsigned char>(output_[i]);
        if (layer.output_bytes == 2) {
            output_bytes_[i * 2 + 1] = static_cast<unsigned char>(output_[i] >> 8);
        }
    }
}

void LayerEngine::map_chunk(const MramLayerRegisters& layer, const Columns& columns, std::uint64_t first_term,
                            std::uint64_t terms, MramCells& cells) {
    const std::size_t stride = (layer.out_channels + 63) / 64;
    const std::uint64_t* signs = signs_.data() + first_term * stride;
    const std::uint32_t* offsets = term_offsets_.data() + first_term;
    if (columns.whole_words) {
        OperandWord words[BitRow::words];
        for (OperandWord& word : words) { // unused columns repeat the first word
            word = {columns.parts.front().input, signs + columns.parts.front().filter / 64};
        }
        for (const Columns::Part& part : columns.parts) {
            words[part.word] = {part.input, signs + part.filter / 64};
        }
        map_operands(words, offsets, terms, stride, cells.row.data());
        return;
    }
    BitRow* rows = cells.row.data();
    for (std::uint64_t t = 0; t < terms; ++t, rows += operand_bits) {
        std::fill_n(rows, operand_bits, BitRow{});
        for (const Columns::Part& part : columns.parts) {
            const std::uint64_t* word = signs + t * stride + part.filter / 64;
            std::uint64_t sign = word[0] >> (part.filter % 64);
            if (part.filter % 64 + part.length > 64) {
                sign |= word[1] << (64 - part.filter % 64);
            }
            const std::uint64_t used =
                (part.length == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << part.length) - 1);
            const std::uint64_t plus = part.input[offsets[t]];
            const std::uint64_t minus = 0 - plus;
            for (std::size_t bit = 0; bit < operand_bits; ++bit) {
                const std::uint64_t p = 0 - (plus >> bit & 1);
                const std::uint64_t m = 0 - (minus >> bit & 1);
                rows[bit].word[part.word] |= ((p ^ ((p ^ m) & sign)) & used) << part.shift;
            }
        }
    }
}

void LayerEngine::add_tree(const MramLayerRegisters& layer, const MramPlan& plan) {
    const std::uint64_t outputs = layer.outputs() * layer.batch;
    Columns columns;
    std::vector<std::vector<BitRow>> partial_sums;
    for (std::uint64_t group = 0; group < plan.groups; ++group) {
        const std::uint64_t first_output = group * columns_per_row;
        columns.count =
            static_cast<std::size_t>(std::min<std::uint64_t>(columns_per_row, outputs - first_output));
        columns.parts.clear();
        columns.whole_words = layer.out_channels % 64 == 0;
        for (std::size_t column = 0; column < columns.count;) {
            const std::uint64_t output = first_output + column;
            const std::uint64_t place = output / layer.out_channels;
            const std::uint64_t image = place / layer.positions();
            const std::uint64_t position = place % layer.positions();
            const std::uint64_t y = position / layer.out_width * layer.stride_height;
            const std::uint64_t x = position % layer.out_width * layer.stride_width;
            Columns::Part part;
            part.word = column / 64;
            part.shift = static_cast<unsigned>(column % 64);
            part.filter = static_cast<std::uint32_t>(output % layer.out_channels);
            part.length = static_cast<unsigned>(std::min<std::size_t>(
                {std::size_t{64} - part.shift, layer.out_channels - part.filter, columns.count - column}));
            part.input = input_.data() + (image * layer.in_channels * padded_height_ + y) * padded_width_ + x;
            columns.parts.push_back(part);
            column += part.length;
        }
        // Its sub-arrays: those of its place in the round.
        const std::uint64_t base = group % plan.groups_per_round * layer.chunks;
        const core::MramTreeLevel& first_level = plan.levels.front();
        std::uint64_t term = 0;
        for (std::uint64_t chunk = 0; chunk < first_level.chunks; ++chunk) {
            MramCells& cells = storage_.subarray(base + chunk);
            const std::uint64_t terms = first_level.operands_of(chunk);
            map_chunk(layer, columns, term, terms, cells);
            term += terms;
            const AdderTree& adders = tree(terms, first_level.bound);
            cells.row[adders.carry().zero] = BitRow{};
            run(adders.program(), cells);
        }
        for (std::size_t index = 1; index < plan.levels.size(); ++index) {
            const core::MramTreeLevel& before = plan.levels[index - 1];
            const core::MramTreeLevel& level = plan.levels[index];
            const auto bits = static_cast<std::size_t>(level.operand_bits);
            partial_sums.assign(level.operands, {});
            for (std::uint64_t i = 0; i < level.operands; ++i) {
                const MramCells& cells = storage_.subarray(base + i);
                const Rows& rows = tree(before.operands_of(i), before.bound).result().rows;
                for (std::size_t bit = 0; bit < bits; ++bit) { // extended by the sign
                    partial_sums[i].push_back(read_row(cells.row[rows[std::min(bit, rows.size() - 1)]]));
                }
            }
            std::uint64_t operand = 0;
            for (std::uint64_t chunk = 0; chunk < level.chunks; ++chunk) {
                MramCells& cells = storage_.subarray(base + chunk);
                const std::uint64_t operands = level.operands_of(chunk);
                for (std::uint64_t i = 0; i < operands; ++i, ++operand) {
                    std::copy(partial_sums[operand].begin(), partial_sums[operand].end(),
                              cells.row.begin() + static_cast<std::ptrdiff_t>(i * bits));
                }
                const AdderTree& adders = tree(operands, level.bound);
                cells.row[adders.carry().zero] = BitRow{};
                run(adders.program(), cells);
            }
        }
        const core::MramTreeLevel& last = plan.levels.back();
        const Rows& rows = tree(last.operands, last.bound).result().rows;
        const MramCells& cells = storage_.subarray(base);
        std::int64_t sums[columns_per_row] = {};
        for (std::size_t bit = 0; bit < rows.size(); ++bit) {
            const BitRow row = read_row(cells.row[rows[bit]]);
            const bool is_sign = bit + 1 == rows.size();
            const std::int64_t weight = std::int64_t{is_sign ? -1 : 1} * (std::int64_t{1} << bit);
            for (std::size_t word = 0; word < BitRow::words; ++word) {
                for (std::size_t i = 0; i < 64; ++i) {
                    sums[word * 64 + i] += weight & -static_cast<std::int64_t>(row.word[word] >> i & 1);
                }
            }
        }
        for (std::size_t column = 0; column < columns.count; ++column) {
            finish(layer, first_output + column, sums[column]);
        }
    }
}

void LayerEngine::and_count(const MramLayerRegisters& layer, const MramPlan& plan) {
    const std::uint64_t terms = layer.terms();
    const std::uint64_t slice_terms = (terms + plan.slices - 1) / plan.slices;
    const std::uint64_t block = (layer.out_channels + plan.filter_blocks - 1) / plan.filter_blocks;
    const std::uint64_t places = layer.positions() * layer.batch;
    const std::uint64_t subarrays_per_set = plan.slices * plan.filter_blocks;
    const auto set_bit = [](BitRow& row, std::size_t column) {
        row.word[column / 64] |= std::uint64_t{1} << (column % 64);
    };
    // Weights: the same in every window of a row, planes of a filter in neighbouring rows.
    for (std::uint64_t set = 0; set < layer.sets; ++set) {
        for (std::uint64_t slice = 0; slice < plan.slices; ++slice) {
            for (std::uint64_t filter = 0; filter < layer.out_channels; ++filter) {
                MramCells& cells =
                    storage_.subarray(set * subarrays_per_set + slice * plan.filter_blocks + filter / block);
                BitRow* planes = cells.row.data() + MramPlan::planes * (1 + filter % block);
                std::fill_n(planes, MramPlan::planes, BitRow{});
                for (std::uint64_t t = slice * slice_terms; t < std::min(terms, (slice + 1) * slice_terms);
                     ++t) {
                    const auto value = static_cast<std::uint8_t>(weights_[filter * terms + t]);
                    for (std::uint32_t bit = 0; bit < MramPlan::planes; ++bit) {
                        for (std::uint64_t w = 0; (value >> bit & 1) != 0 && w < plan.windows; ++w) {
                            set_bit(planes[bit], w * plan.window_columns + t - slice * slice_terms);
                        }
                    }
                }
            }
        }
    }
    std::vector<std::int64_t> sums(plan.windows * layer.out_channels);
    for (std::uint64_t group = 0; group < plan.window_groups; ++group) {
        const std::uint64_t first = group * plan.windows;
        const std::uint64_t windows = std::min(plan.windows, places - first);
        std::fill(sums.begin(), sums.end(), 0);
        for (std::uint64_t slice = 0; slice < plan.slices; ++slice) {
            BitRow inputs[MramPlan::planes];
            for (std::uint64_t w = 0; w < windows; ++w) {
                const std::uint64_t image = (first + w) / layer.positions();
                const std::uint64_t position = (first + w) % layer.positions();
                const std::uint8_t* window = input_.data() +
                                             (image * layer.in_channels * padded_height_ +
                                              position / layer.out_width * layer.stride_height) *
                                                 padded_width_ +
                                             position % layer.out_width * layer.stride_width;
                for (std::uint64_t t = slice * slice_terms; t < std::min(terms, (slice + 1) * slice_terms);
                     ++t) {
                    const std::uint8_t value = window[term_offsets_[t]];
                    const std::size_t column = w * plan.window_columns + t - slice * slice_terms;
                    for (std::uint32_t bit = 0; bit < MramPlan::planes; ++bit) {
                        inputs[bit].word[column / 64] |= std::uint64_t{value >> bit & 1U} << (column % 64);
                    }
                }
            }
            for (std::uint64_t b = 0; b < plan.filter_blocks; ++b) {
                MramCells& cells = storage_.subarray(group % layer.sets * subarrays_per_set +
                                                     slice * plan.filter_blocks + b);
                std::copy(std::begin(inputs), std::end(inputs), cells.row.begin());
                for (std::uint64_t f = b * block;
                     f < std::min<std::uint64_t>((b + 1) * block, layer.out_channels); ++f) {
                    const BitRow* planes = cells.row.data() + MramPlan::planes * (1 + f % block);
                    std::int64_t ones[BitRow::words] = {};
                    if (errors_ == nullptr && mode_ == ExecutionMode::program) {
                        mram_pim::and_count(cells.row.data(), planes, ones);
                    } else {
                        count_one_by_one(cells, static_cast<std::uint8_t>(MramPlan::planes * (1 + f % block)),
                                         ones);
                    }
                    const std::uint64_t words = plan.window_columns / 64;
                    for (std::uint64_t w = 0; w < windows; ++w) {
                        for (std::uint64_t i = 0; i < words; ++i) {
                            sums[w * layer.out_channels + f] += ones[w * words + i];
                        }
                    }
                }
            }
        }
        for (std::uint64_t w = 0; w < windows; ++w) {
            for (std::uint64_t f = 0; f < layer.out_channels; ++f) {
                finish(layer, (first + w) * layer.out_channels + f, sums[w * layer.out_channels + f]);
            }
        }
    }
}

/// As the kernel does at once: AND by AND, through the sense amplifiers, or with their failures.
void LayerEngine::count_one_by_one(MramCells& cells, std::uint8_t first_plane,
                                   std::int64_t (&ones)[BitRow::words]) {
    MramSubarray subarray(cells, config_.sense_amplifier);
    for (std::uint8_t j = 0; j < MramPlan::planes; ++j) {
        for (std::uint8_t i = 0; i < MramPlan::planes; ++i) {
            const auto weight_row = static_cast<std::uint8_t>(first_plane + j);
            const BitRow product = errors_ != nullptr
                                       ? errors_->and2(cells.row[i], cells.row[weight_row])
                                       : subarray.sense(memory::enable::and2, {i, weight_row}).out;
            for (std::size_t word = 0; word < BitRow::words; ++word) {
                const std::int64_t count = __builtin_popcountll(product.word[word]);
                ones[word] += (j == MramPlan::planes - 1 ? -count : count) * (std::int64_t{1} << (i + j));
            }
        }
    }
    stepped_ += subarray.events();
}

LayerActivity LayerEngine::execute(const MramLayerRegisters& layer) {
    LayerActivity activity = compute(layer);
    commit();
    return activity;
}

LayerActivity LayerEngine::compute(const MramLayerRegisters& layer) {
    check(layer);
    LayerActivity activity = evaluate(layer);
    observed_ = false;
    output_address_ = layer.output;
    if (is_pool(layer)) {
        std::vector<std::uint8_t> input(layer.input_words());
        output_bytes_.resize(layer.outputs() * layer.batch);
        for (std::uint32_t image = 0; image < layer.batch; ++image) {
            storage_.read(layer.input + image * input.size(), input.data(), input.size());
            pool(layer, input.data(), output_bytes_.data() + image * layer.outputs());
        }
        return activity;
    }
    load(layer);
    if (layer.layer_kind() == MramLayerKind::add_tree) {
        add_tree(layer, activity.plan);
    } else {
        and_count(layer, activity.plan);
    }
    pack_outputs(layer);
    return activity;
}

void LayerEngine::commit() {
    storage_.write(output_address_, output_bytes_.data(), output_bytes_.size());
    output_bytes_.clear();
}

} // namespace hydravp::accelerators::mram_pim
