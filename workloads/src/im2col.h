// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// The input channels that the filters of one group see, ordered by residue class.
struct ChannelClasses {
    std::uint32_t first = 0;          ///< the group's first channel
    std::vector<std::uint32_t> order; ///< class 0's first, ascending within a class
    std::vector<std::size_t> sizes;   ///< of the classes that have any channel of the group
};

/// @param split residue classes; channel c of the layer's input is in class c mod split
inline ChannelClasses channel_classes(const core::LayerDescriptor& layer, std::uint32_t group,
                                      std::uint32_t split) {
    const std::uint32_t count = layer.filter_channels();
    ChannelClasses classes;
    classes.first = group * count;
    classes.order.reserve(count);
    for (std::uint32_t r = 0; r < split && classes.order.size() < count; ++r) {
        const std::size_t before = classes.order.size();
        const std::uint32_t skipped = (r + split - classes.first % split) % split;
        for (std::uint32_t c = skipped; c < count; c += split) {
            classes.order.push_back(classes.first + c);
        }
        if (classes.order.size() > before) {
            classes.sizes.push_back(classes.order.size() - before);
        }
    }
    return classes;
}

/// One filter's weights ([channel of its group][tap]) with the channels in the order of the classes.
template <class In, class Out>
void permute_channels(const In* filter, const ChannelClasses& classes, std::size_t taps, Out* out) {
    for (const auto channel : classes.order) {
        const In* from = filter + (channel - classes.first) * taps;
        out = std::copy(from, from + taps, out);
    }
}

/// Unfolds output positions [begin, begin + count) of one image for a convolution as a matrix product: one
/// row per (channel, kernel row, kernel column), `ld` elements apart; the padding is zero.
template <class In, class Out>
void im2col(const core::LayerDescriptor& layer, const In* input, const std::vector<std::uint32_t>& order,
            std::size_t begin, std::size_t count, Out* out, std::size_t ld) {
    const auto in_width = static_cast<std::int64_t>(layer.in.width);
    const auto in_height = static_cast<std::int64_t>(layer.in.height);
    const std::size_t out_width = layer.out.width;
    const auto stride = static_cast<std::int64_t>(layer.stride_width);
    for (const auto channel : order) {
        const In* plane = input + channel * layer.in.positions();
        for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
            for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx, out += ld) {
                const std::int64_t offset = std::int64_t{kx} * layer.dilation_width - layer.pad_left;
                // Output columns [valid_begin, valid_end) read inside the row.
                const std::int64_t valid_begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
                const std::int64_t valid_end = offset >= in_width ? 0 : (in_width - 1 - offset) / stride + 1;
                Out* to = out;
                for (std::size_t done = 0; done < count;) {
                    const std::size_t position = begin + done;
                    const auto oy = static_cast<std::int64_t>(position / out_width);
                    const auto ox = static_cast<std::int64_t>(position % out_width);
                    const auto n =
                        static_cast<std::int64_t>(std::min(out_width - position % out_width, count - done));
                    const std::int64_t y =
                        oy * layer.stride_height + std::int64_t{ky} * layer.dilation_height - layer.pad_top;
                    std::int64_t from = ox;
                    std::int64_t until = ox;
                    if (y >= 0 && y < in_height) {
                        from = std::clamp(valid_begin, ox, ox + n);
                        until = std::clamp(valid_end, from, ox + n);
                    }
                    to = std::fill_n(to, from - ox, Out{});
                    if (stride == 1 && from < until) {
                        to = std::copy_n(plane + y * in_width + from + offset, until - from, to);
                    } else {
                        for (std::int64_t x = from; x < until; ++x) {
                            *to++ = static_cast<Out>(plane[y * in_width + x * stride + offset]);
                        }
                    }
                    to = std::fill_n(to, ox + n - until, Out{});
                    done += static_cast<std::size_t>(n);
                }
            }
        }
    }
}

/// The part of a pooling window that lies inside the input.
struct PoolWindow {
    std::uint32_t top, bottom, left, right; ///< bottom and right are one past the end
};

inline PoolWindow pool_window(const core::LayerDescriptor& layer, std::uint32_t oy, std::uint32_t ox) {
    const auto clip = [](std::int64_t x, std::uint32_t size) {
        return static_cast<std::uint32_t>(std::clamp<std::int64_t>(x, 0, size));
    };
    const std::int64_t y = std::int64_t{oy} * layer.stride_height - layer.pad_top;
    const std::int64_t x = std::int64_t{ox} * layer.stride_width - layer.pad_left;
    return {clip(y, layer.in.height), clip(y + layer.kernel_height, layer.in.height), clip(x, layer.in.width),
            clip(x + layer.kernel_width, layer.in.width)};
}

/// By what an average pooling divides: the elements of the window, those of the padding only if they count,
/// and never those beyond the padding.
inline std::int64_t pool_divisor(const core::LayerDescriptor& layer, std::uint32_t oy, std::uint32_t ox) {
    const auto elements = [&](std::uint32_t out, std::uint32_t stride, std::uint32_t kernel,
                              std::uint32_t size, std::uint32_t before, std::uint32_t after) {
        const std::int64_t first = std::int64_t{out} * stride - before;
        const std::int64_t low = layer.count_include_pad ? first : std::max<std::int64_t>(first, 0);
        const std::int64_t end = std::int64_t{size} + (layer.count_include_pad ? after : 0);
        return std::min(first + kernel, end) - low;
    };
    return elements(oy, layer.stride_height, layer.kernel_height, layer.in.height, layer.pad_top,
                    layer.pad_bottom) *
           elements(ox, layer.stride_width, layer.kernel_width, layer.in.width, layer.pad_left,
                    layer.pad_right);
}

} // namespace hydravp::workloads
