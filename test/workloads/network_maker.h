// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/workloads/mapper.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace hydravp::test {

struct NamedMachine {
    std::string name;
    workloads::MachineShape shape;
};

inline workloads::MachineShape machine_of(std::uint32_t units) {
    workloads::MachineShape m;
    m.units = units;
    return m;
}

inline workloads::MachineShape small_machine(std::uint32_t units) {
    workloads::MachineShape m = machine_of(units);
    m.activation_half_bytes = 2048;
    m.weight_half_bytes = 100; // not whole bursts
    m.output_half_words = 75;
    m.banks = 4;
    return m;
}

inline std::vector<NamedMachine> machines() {
    std::vector<NamedMachine> list;
    for (const std::uint32_t units : {1U, 2U, 8U, 16U, 32U}) {
        list.push_back({std::to_string(units) + " units", machine_of(units)});
    }
    list.push_back({"12 units, 3 chips, 5 lanes", machine_of(12)});
    list.back().shape.chips_per_rank = 3;
    list.back().shape.lanes = 5;
    list.push_back({"1 small unit", small_machine(1)});
    list.push_back({"16 small units", small_machine(16)});
    return list;
}

/// Small random networks of all kinds of layers, whatever fits together.
class NetworkMaker {
public:
    explicit NetworkMaker(std::uint64_t seed) : random_(seed) {}

    core::Network next() {
        core::Network net;
        net.name = "random";
        const std::uint32_t size = from(1, 20);
        net.input = {one_of({1, 2, 3, 5, 10, 16, 24}), size, from(1, 20)};
        const std::uint32_t layers = from(1, 6);
        for (std::uint32_t i = 0; i < layers; ++i) {
            net.layers.push_back(layer(net, i + 1 == layers));
            if (from(0, 3) == 0) {
                join(net);
            }
        }
        net.validate();
        return net;
    }
    std::uint32_t from(std::uint32_t least, std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>(least, std::max(least, most))(random_);
    }
    std::mt19937_64& random() { return random_; }

private:
    std::uint32_t one_of(const std::vector<std::uint32_t>& list) {
        return list[from(0, static_cast<std::uint32_t>(list.size()) - 1)];
    }

    /// Joins the last tensor and, in any order, others of its height and width.
    void join(core::Network& net) {
        const int last = static_cast<int>(net.layers.size()) - 1;
        std::vector<int> members{last};
        for (int tensor = last; tensor >= core::network_input; --tensor) {
            const core::TensorShape& shape = net.shape_of(tensor);
            if (shape.height == net.shape_of(last).height && shape.width == net.shape_of(last).width &&
                from(0, 1) == 0) {
                members.insert(members.begin() + from(0, static_cast<std::uint32_t>(members.size())), tensor);
            }
        }
        if (members.size() > 1) {
            net.append_concat("join" + std::to_string(net.layers.size()), members);
        }
    }

    core::LayerDescriptor layer(const core::Network& net, bool last) {
        core::LayerDescriptor l;
        const int index = static_cast<int>(net.layers.size());
        l.name = "layer" + std::to_string(index);
        l.input = index - 1;
        l.in = net.shape_of(l.input);
        const std::uint32_t dice = from(0, 9);
        if (last && dice < 4) {
            l.kind = core::LayerKind::fully_connected;
            l.kernel_height = l.in.height;
            l.kernel_width = l.in.width;
            l.out = {one_of({1, 10, 33, 100}), 1, 1};
            return l;
        }
        const bool pool = dice >= 8;
        l.kind = dice == 8   ? core::LayerKind::max_pool
                 : dice == 9 ? core::LayerKind::average_pool
                             : core::LayerKind::conv;
        l.kernel_height = from(1, std::min(l.in.height, pool ? 4U : 11U));
        l.kernel_width = from(1, std::min(l.in.width, pool ? 4U : 11U));
        if (!pool && from(0, 3) == 0) {
            l.dilation_height = from(1, std::max(1U, (l.in.height - 1) / std::max(1U, l.kernel_height - 1)));
            l.dilation_width = from(1, std::max(1U, (l.in.width - 1) / std::max(1U, l.kernel_width - 1)));
        }
        l.stride_height = from(1, 3);
        l.stride_width = from(1, 3);
        l.pad_top = from(0, l.kernel_height - 1);
        l.pad_bottom = from(0, l.kernel_height - 1);
        l.pad_left = from(0, l.kernel_width - 1);
        l.pad_right = from(0, l.kernel_width - 1);
        std::uint32_t channels = pool ? l.in.channels : one_of({1, 2, 3, 5, 10, 16, 20, 24, 33, 48, 64, 512});
        if (!pool && from(0, 2) == 0) { // grouped, perhaps depthwise
            l.groups = from(0, 1) == 0 ? l.in.channels : std::gcd(l.in.channels, channels);
            channels = l.groups * std::max(1U, channels / l.groups);
        }
        l.out = {channels, (l.in.height + l.pad_top + l.pad_bottom - l.span_height()) / l.stride_height + 1,
                 (l.in.width + l.pad_left + l.pad_right - l.span_width()) / l.stride_width + 1};
        if (!pool && dice % 2 == 0) {
            l.activation = core::Activation::relu;
        }
        if (!pool && l.out.height == l.in.height && l.out.width == l.in.width && channels >= l.in.channels) {
            l.residual = core::ResidualInput{l.input, 1};
        }
        return l;
    }

    std::mt19937_64 random_;
};

} // namespace hydravp::test
