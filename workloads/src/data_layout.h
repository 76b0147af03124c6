// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/core/work_item.h"
#include "hydravp/workloads/mapper.h"

#include "tensor_views.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::workloads {

/// Hands out chip-local addresses. A tensor lies in one bank of every chip, the members of a concat within
/// the concat, and what a layer reads not in the bank that it writes if that can be: the units read from
/// leased banks while the controller writes.
class DataLayout {
public:
    /// @param split_of residue classes of the channels of what a layer (or core::network_input) produces
    DataLayout(const core::Network& network, const MachineShape& machine,
               const std::function<std::uint32_t(int)>& split_of);

    /// Where a tensor is, from its first use on. Throws core::InputError if no bank has room for it.
    core::TensorPlacement place(int tensor);
    /// Chip-local address of `bytes` in one bank of every chip. Throws core::InputError.
    std::uint64_t allocate(std::uint64_t bytes, const std::string& what);
    /// Bytes of a chip that are in use.
    std::uint64_t total() const { return total_; }

private:
    core::TensorPlacement place_root(int tensor);
    std::optional<std::uint64_t> try_allocate(std::uint64_t bytes, const std::vector<bool>& avoided);
    std::vector<bool> banks_beside(int root) const;
    std::size_t bank_of(std::uint64_t base) const {
        return static_cast<std::size_t>(base / machine_.bank_bytes);
    }

    const core::Network& network_;
    const MachineShape& machine_;
    std::function<std::uint32_t(int)> split_of_;
    std::vector<TensorView> views_;
    std::vector<std::optional<core::TensorPlacement>> roots_; ///< by `tensor_slot`, those that are placed
    std::vector<std::uint64_t> used_;                         ///< bytes of a bank
    std::size_t next_bank_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace hydravp::workloads
