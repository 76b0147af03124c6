// SPDX-License-Identifier: Apache-2.0
#include "data_layout.h"

#include "hydravp/core/error.h"

#include <fmt/format.h>

namespace hydravp::workloads {

using core::TensorPlacement;

namespace {

constexpr std::uint64_t row_bytes = 1024;

} // namespace

DataLayout::DataLayout(const core::Network& network, const MachineShape& machine,
                       const std::function<std::uint32_t(int)>& split_of)
    : network_(network),
      machine_(machine),
      split_of_(split_of),
      views_(tensor_views(network)),
      roots_(views_.size()),
      used_(machine.banks, 0) {}

TensorPlacement DataLayout::place(int tensor) {
    const TensorView& view = views_[tensor_slot(tensor)];
    std::optional<TensorPlacement>& root = roots_[tensor_slot(view.root)];
    if (!root) {
        root = place_root(view.root);
    }
    TensorPlacement placement = *root;
    placement.base = root->address(view.first_channel);
    placement.channels = network_.shape_of(tensor).channels;
    return placement;
}

TensorPlacement DataLayout::place_root(int tensor) {
    const core::TensorShape& shape = network_.shape_of(tensor);
    TensorPlacement placement;
    placement.split = static_cast<std::uint16_t>(split_of_(tensor));
    placement.frames = static_cast<std::uint16_t>(machine_.frames);
    placement.channels = shape.channels;
    placement.height = shape.height;
    placement.width = shape.width;
    const std::uint64_t plane = shape.positions() == 1
                                    ? machine_.word_bytes
                                    : core::align_up(shape.positions() * machine_.word_bytes, 8);
    const std::uint64_t frame = core::align_up(core::ceil_divide(shape.channels, placement.split) * plane, 8);
    placement.plane_bytes = static_cast<std::uint32_t>(plane); // exact if the tensor fits a bank
    placement.frame_distance = static_cast<std::uint32_t>(frame);
    const std::uint64_t bytes = frame * placement.frames;
    if (const auto base = try_allocate(bytes, banks_beside(tensor))) {
        placement.base = *base;
        return placement;
    }
    const std::string what =
        tensor == core::network_input
            ? "the input"
            : fmt::format("the output of layer '{}'", network_.layers[static_cast<std::size_t>(tensor)].name);
    placement.base = allocate(
        bytes, placement.frames == 1 ? what : fmt::format("{} for {} frames", what, placement.frames));
    return placement;
}

/// Banks of tensors that a layer reads which writes this one, or writes reading it.
std::vector<bool> DataLayout::banks_beside(int root) const {
    std::vector<bool> banks(used_.size(), false);
    const auto avoid = [&](int tensor) {
        if (const auto& placed = roots_[tensor_slot(tensor)]) {
            banks[bank_of(placed->base)] = true;
        }
    };
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
        if (!network_.layers[i].is_concat()) {
            const int from = views_[tensor_slot(network_.layers[i].input)].root;
            const int to = views_[tensor_slot(static_cast<int>(i))].root;
            if (from == root) {
                avoid(to);
            } else if (to == root) {
                avoid(from);
            }
        }
    }
    return banks;
}

std::optional<std::uint64_t> DataLayout::try_allocate(std::uint64_t bytes, const std::vector<bool>& avoided) {
    bytes = core::align_up(bytes, row_bytes);
    for (std::size_t tried = 0; tried < used_.size(); ++tried) {
        const std::size_t bank = (next_bank_ + tried) % used_.size();
        if (!avoided[bank] && used_[bank] + bytes <= machine_.bank_bytes) {
            const std::uint64_t base = bank * machine_.bank_bytes + used_[bank];
            used_[bank] += bytes;
            total_ += bytes;
            next_bank_ = (bank + 1) % used_.size();
            return base;
        }
    }
    return std::nullopt;
}

std::uint64_t DataLayout::allocate(std::uint64_t bytes, const std::string& what) {
    if (const auto base = try_allocate(bytes, std::vector<bool>(used_.size(), false))) {
        return *base;
    }
    throw core::InputError(fmt::format("the network does not fit the units' memory: {} needs {} bytes in "
                                       "one bank of every chip, a bank has {}",
                                       what, core::align_up(bytes, row_bytes), machine_.bank_bytes));
}

} // namespace hydravp::workloads
