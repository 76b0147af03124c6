// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/mram_mapper.h"

#include "hydravp/core/adder_tree.h"
#include "hydravp/core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace hydravp::workloads {
namespace {

using core::MramLayerKind;
using core::MramLayerRegisters;
using core::MramPlan;

constexpr std::uint64_t row_bytes = MramPlan::columns / 8;

/// Hands out places for tensors, whole rows each.
class Placement {
public:
    explicit Placement(std::uint64_t base) : next_(base) {}
    std::uint64_t take(std::uint64_t bytes) {
        const std::uint64_t address = next_;
        next_ += (bytes + row_bytes - 1) / row_bytes * row_bytes;
        return address;
    }
    std::uint64_t end() const { return next_; }

private:
    std::uint64_t next_;
};

MramLayerRegisters registers_of(const core::LayerDescriptor& desc, const BinaryLayer& layer,
                                std::uint32_t batch) {
    MramLayerRegisters r;
    MramLayerKind kind = layer.binary ? MramLayerKind::add_tree : MramLayerKind::and_count;
    if (desc.kind == core::LayerKind::max_pool) {
        kind = MramLayerKind::max_pool;
    } else if (desc.kind == core::LayerKind::average_pool) {
        kind = MramLayerKind::average_pool;
    }
    r.kind = static_cast<std::uint32_t>(kind);
    r.batch = batch;
    r.in_channels = desc.in.channels;
    r.in_height = desc.in.height;
    r.in_width = desc.in.width;
    r.out_channels = desc.out.channels;
    r.out_height = desc.out.height;
    r.out_width = desc.out.width;
    r.kernel_height = desc.kernel_height;
    r.kernel_width = desc.kernel_width;
    r.stride_height = desc.stride_height;
    r.stride_width = desc.stride_width;
    r.pad_top = desc.pad_top;
    r.pad_left = desc.pad_left;
    r.output_bytes = static_cast<std::uint32_t>(layer.output_bytes);
    r.bias_shift = static_cast<std::uint32_t>(layer.bias_shift);
    r.output_shift = static_cast<std::uint32_t>(layer.output_shift);
    return r;
}

std::vector<unsigned char> weight_image(const MramLayerRegisters& r, const BinaryLayer& layer) {
    std::vector<unsigned char> bytes(r.weight_bytes());
    if (!layer.binary) {
        std::copy(layer.weights.begin(), layer.weights.end(), bytes.begin());
        return bytes;
    }
    const std::size_t terms = r.terms();
    const std::size_t term_bytes = bytes.size() / terms;
    for (std::size_t f = 0; f < r.out_channels; ++f) {
        for (std::size_t t = 0; t < terms; ++t) {
            if (layer.weights[f * terms + t] < 0) {
                bytes[t * term_bytes + f / 8] |= static_cast<unsigned char>(1U << f % 8);
            }
        }
    }
    return bytes;
}

std::vector<unsigned char> parameter_image(const BinaryLayer& layer) {
    std::vector<unsigned char> bytes;
    for (std::size_t f = 0; f < layer.scale.size(); ++f) {
        for (const std::int16_t word : {layer.scale[f], layer.bias[f]}) {
            bytes.push_back(static_cast<unsigned char>(word));
            bytes.push_back(static_cast<unsigned char>(static_cast<std::uint16_t>(word) >> 8));
        }
    }
    return bytes;
}

/// The field of the registers that a layer's parallelism depends on, and the values to try.
std::vector<std::uint32_t> candidates(const MramLayerRegisters& r, const core::MramBankShape& bank,
                                      std::uint32_t MramLayerRegisters::*& field) {
    std::vector<std::uint32_t> values;
    if (r.layer_kind() == MramLayerKind::add_tree) {
        field = &MramLayerRegisters::chunks;
        const int most = core::largest_adder_tree(MramPlan::tree_rows, MramPlan::operand_bound);
        for (std::uint64_t operands = static_cast<std::uint64_t>(most); operands >= 2; --operands) {
            values.push_back(static_cast<std::uint32_t>((r.terms() + operands - 1) / operands));
        }
        if (r.terms() == 1) {
            values.assign(1, 1);
        }
    } else {
        field = &MramLayerRegisters::sets;
        const std::uint64_t most = std::min<std::uint64_t>(bank.compute_subarrays, r.positions() * r.batch);
        for (std::uint64_t sets = 1; sets <= most; sets += std::max<std::uint64_t>(sets / 16, 1)) {
            values.push_back(static_cast<std::uint32_t>(sets));
        }
    }
    return values;
}

/// Chooses the fastest plan; the first of several equal ones, which takes the fewest sub-arrays.
MramPlan choose(MramLayerRegisters& r, const core::MramBankShape& bank, const std::string& name) {
    if (r.weight_bytes() == 0) {
        return plan_mram_layer(r, bank);
    }
    std::uint32_t MramLayerRegisters::*field = nullptr;
    std::optional<MramPlan> best;
    std::uint32_t best_value = 0;
    std::string refused;
    for (const std::uint32_t value : candidates(r, bank, field)) {
        r.*field = value;
        try {
            MramPlan plan = plan_mram_layer(r, bank);
            if (!best || plan.times.total() < best->times.total()) {
                best = std::move(plan);
                best_value = value;
            }
        } catch (const std::invalid_argument& e) {
            refused = e.what();
        }
    }
    if (!best) {
        throw core::InputError(fmt::format("layer '{}' does not fit the bank: {}", name, refused));
    }
    r.*field = best_value;
    return *best;
}

} // namespace

MappedBinaryNetwork map_binary_network(const BinaryNetwork& net, const core::MramBankShape& bank,
                                       std::uint64_t tensor_base, std::uint64_t tensor_bytes,
                                       std::uint32_t batch) {
    MappedBinaryNetwork mapped;
    mapped.batch = batch;
    Placement placement(tensor_base);
    mapped.input = placement.take(net.network.input.words() * batch);
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const core::LayerDescriptor& desc = net.network.layers[i];
        MramLayerRegisters r = registers_of(desc, net.layers[i], batch);
        r.input = desc.input == core::network_input
                      ? mapped.input
                      : mapped.layers[static_cast<std::size_t>(desc.input)].output;
        r.weights = placement.take(r.weight_bytes());
        r.parameters = placement.take(r.parameter_bytes());
        r.output = placement.take(r.outputs() * batch * r.output_bytes);
        if (placement.end() - tensor_base > tensor_bytes) {
            throw core::InputError(fmt::format(
                "network '{}': found at least {} bytes of images and kernels up to layer '{}' with a "
                "batch of {}, expected at most {}, what the bank has for them",
                net.network.name, placement.end() - tensor_base, desc.name, batch, tensor_bytes));
        }
        mapped.plans.push_back(choose(r, bank, desc.name));
        if (r.weight_bytes() > 0) {
            mapped.loads.push_back({r.weights, weight_image(r, net.layers[i])});
            mapped.loads.push_back({r.parameters, parameter_image(net.layers[i])});
        }
        mapped.layers.push_back(r);
    }
    return mapped;
}

} // namespace hydravp::workloads
