// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// How many of `channels` are in residue class `r` mod `split`.
constexpr std::size_t class_channels(std::uint32_t channels, std::uint32_t split, std::uint32_t r) {
    return r < channels ? (channels - r + split - 1) / split : 0;
}

/// The input channels ordered by residue class mod `split`: class 0's first, ascending within a class.
inline std::vector<std::uint32_t> class_major_channels(std::uint32_t channels, std::uint32_t split) {
    std::vector<std::uint32_t> order;
    order.reserve(channels);
    for (std::uint32_t r = 0; r < split; ++r) {
        for (std::uint32_t c = r; c < channels; c += split) {
            order.push_back(c);
        }
    }
    return order;
}

/// One filter's weights ([channel][tap]) with the channels in another order.
template <class In, class Out>
void permute_channels(const In* filter, const std::vector<std::uint32_t>& order, std::size_t taps, Out* out) {
    for (const auto channel : order) {
        out = std::copy(filter + channel * taps, filter + (channel + 1) * taps, out);
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
                const std::int64_t offset = std::int64_t{kx} - layer.pad_left;
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
                    const std::int64_t y = oy * layer.stride_height + ky - layer.pad_top;
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
    std::int64_t count() const { return std::int64_t{bottom - top} * (right - left); }
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

} // namespace hydravp::workloads
