// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/core/work_item.h"
#include "hydravp/workloads/cost_model.h"
#include "hydravp/workloads/mapper.h"

#include "tensor_classes.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace hydravp::workloads {

/// The mapping `optimized`: residue classes of every tensor, and how each layer is cut.
///
/// A layer whose input lies in s residue classes is accumulated by s units each; partial sums that cross the
/// channel grow with s. The U / s units of a class share the outputs, by filters or by positions. Fewer
/// classes mean copies: the result is written U / s' times if its own tensor has s' classes. Which classes
/// are best therefore depends on the layers on both sides of a tensor.
class Optimizer {
public:
    Optimizer(const core::Network& network, const MachineShape& machine);

    /// Residue classes by set of tensors (`TensorClasses`); empty if no choice fits the machine.
    const std::vector<std::uint32_t>& splits() const { return splits_; }
    /// How a layer is cut under these splits; false if it fits no buffers.
    bool tile(std::size_t layer, core::LayerGeometry& geometry);

private:
    using Key = std::tuple<std::size_t, std::uint32_t, std::uint32_t>; ///< layer, input split, output split
    struct Choice {
        double cost;
        core::LayerGeometry geometry;
    };
    /// As large as the output buffer allows, or, if none of these fits, as the activation buffer allows.
    enum class Tiles { usual, smaller };

    void find_alike();
    void search();
    double improve(std::vector<std::uint32_t>& splits);
    double total(const std::vector<std::uint32_t>& splits);
    double layer_cost(std::size_t layer, const std::vector<std::uint32_t>& splits);
    const std::optional<Choice>& choice(std::size_t layer, std::uint32_t in, std::uint32_t out);
    std::optional<Choice> find_choice(std::size_t layer, std::uint32_t in, std::uint32_t out) const;
    std::set<std::uint32_t> tiles_for(core::LayerGeometry geometry, Tiles which) const;
    void try_splits(core::LayerGeometry g, const LayerContext& context, Tiles tiles,
                    std::optional<Choice>& best) const;
    void try_groups(core::LayerGeometry g, const LayerContext& context, Tiles tiles,
                    std::optional<Choice>& best) const;
    void try_orders(core::LayerGeometry g, const LayerContext& context, std::optional<Choice>& best) const;
    double cost_of(const core::LayerGeometry& geometry, const LayerContext& context) const;
    const core::Network& network_;
    const MachineShape& machine_;
    TensorClasses classes_;
    std::vector<std::size_t> like_;         ///< by layer: the first one of the same shape
    std::vector<std::uint32_t> candidates_; ///< divisors of the number of units
    std::vector<std::uint32_t> splits_;
    std::map<Key, std::optional<Choice>> choices_;
};

/// Shape, kernel, stride and padding of a layer; the rest of its geometry is open.
core::LayerGeometry shape_geometry(const core::LayerDescriptor& layer);
LayerContext context_of(const core::LayerDescriptor& layer, std::uint32_t output_split);
/// A unit's sums cannot overflow its accumulators.
bool sums_fit(const core::LayerGeometry& geometry);

/// Estimated latency of a network's layers, in the machine's transfer model; in ps.
double estimated_latency(const MappedNetwork& mapped, const MachineShape& machine);

} // namespace hydravp::workloads
